import type { ApprovalOption } from '@orbitmesh/domain';
import type { RunContext } from '../driver.js';
import { text, type Fields } from '../wire/fields.js';

/**
 * How agents call a tool of a server in what they ask, by its title alone: gemini-cli and qwen-code `report_progress (orbitmesh
 * MCP Server)`, claude-agent-acp `mcp__orbitmesh__report_progress`, opencode `orbitmesh_report_progress`, codex-acp and copilot
 * with a slash or a dash, the first after a word.
 */
const patternOf = (server: string): RegExp => new RegExp(`^(?:(?:mcp__)?${server}__\\w+|${server}[_-]\\w+|(?:Tool: |mcp\\.)?${server}[/.]\\w+|\\w+ \\(${server} MCP Server\\))$`);
/** What a model can write into a title: a command, a path, an address. Calls of MCP tools are of no such kind. */
const OTHERS = ['read', 'edit', 'delete', 'move', 'search', 'execute', 'fetch'];

/**
 * The answer to a question about a tool of OrbitMesh's own MCP server, which is always yes: what it may do is decided by the
 * session's token, and a person would be asked for every report. Undefined: it is a question for people.
 */
export function ownToolAnswer(toolCall: Fields, options: ApprovalOption[], { mcpServers }: Pick<RunContext, 'mcpServers'>): string | undefined {
  const own = mcpServers.find((server) => server.own);
  if (!own || OTHERS.includes(text(toolCall.kind) ?? '') || !patternOf(own.name).test(text(toolCall.title) ?? '')) return undefined;
  return (options.find(({ kind }) => kind === 'allow_once') ?? options.find(({ kind }) => kind === 'allow_always'))?.optionId;
}
