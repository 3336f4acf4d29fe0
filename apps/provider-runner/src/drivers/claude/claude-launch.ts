import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import type { Launch, LaunchPlan, McpServerLaunch } from '../driver.js';
import { keepOnly, ownDirectory, ownFile } from '../wire/state-files.js';
import { API_RETRIES_MAX } from './claude.limits.js';
import { conversationIdOf, isConversationId } from './claude-lines.js';
import { claudeOptionsOf } from './claude-options.js';

/**
 * Stream-json both ways, with every permission asked on stdio: who may answer is OrbitMesh's to decide.
 * `AskUserQuestion` is left out: its answer is more than yes or no, and in mode `allow` the first choice
 * would be taken for the person's. The agent asks by reporting that it needs input.
 *
 * @see https://docs.anthropic.com/en/docs/claude-code/cli-reference
 */
const FLAGS = [
  '-p', '--input-format', 'stream-json', '--output-format', 'stream-json', '--verbose', '--include-partial-messages',
  '--permission-prompt-tool', 'stdio', '--permission-mode', 'default', '--disallowedTools', 'AskUserQuestion', '--strict-mcp-config',
];

const VARIABLES = {
  DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1', DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
  CLAUDE_CODE_MAX_RETRIES: String(API_RETRIES_MAX),
  // One result is not always the end of a turn; `idle` is.
  CLAUDE_CODE_EMIT_SESSION_STATE_EVENTS: '1',
  // Tools of MCP servers are offered by name, not behind a search: ours must be seen to be used.
  ENABLE_TOOL_SEARCH: 'false',
  // The first turn waits for the servers: else it may begin without the tools it is told to use.
  MCP_CONNECTION_NONBLOCKING: '0',
};
const TOKEN = 'ORBITMESH_TOKEN';

/** What a conversation is gone on with by, and nothing in which a run could leave a setting, a hook, a rule or a skill to the next. */
export const CLAUDE_KEEPS = ['projects', 'todos', 'tasks', 'plans', 'file-history', 'shell-snapshots'];

/** The system prompt goes with the handshake, and the prompt with the first message: everybody can read a command line. */
export function launchClaude(plan: LaunchPlan): Launch {
  const { continueAgentSessionId, manifest } = plan;
  // It becomes an argument.
  if (continueAgentSessionId !== undefined && !isConversationId(continueAgentSessionId)) throw new AppError('CONFIG_INVALID', 'The conversation to go on with has no id of Claude Code: a UUID.');
  const config = ownDirectory(join(plan.stateDir, 'claude'));
  keepOnly(config, CLAUDE_KEEPS);
  return {
    command: [
      ...plan.entry.command, ...FLAGS, '--setting-sources', sourcesOf(plan), '--mcp-config', mcpConfig(plan), ...allowed(plan),
      ...(continueAgentSessionId === undefined ? ['--session-id', conversationIdOf(plan)] : ['--resume', continueAgentSessionId]),
      ...(manifest.provider.model === null ? [] : ['--model', manifest.provider.model]),
    ],
    environment: { ...VARIABLES, CLAUDE_CONFIG_DIR: config },
  };
}

/** A repository says nothing about what its agent may do, which hooks run or where the key is sent, unless its project or the entry trusts it. */
function sourcesOf({ entry, manifest }: LaunchPlan): string {
  return manifest.trustRepository || claudeOptionsOf(entry).trustProject ? 'user,project,local' : 'user';
}

/** What our own server and our own command may do, OrbitMesh decides by the session's token: nobody is asked about it. */
function allowed({ mcpServers }: LaunchPlan): string[] {
  return ['--allowedTools', 'Bash(orbitmesh:*)', ...mcpServers.filter((server) => server.own).map(({ name }) => `mcp__${name}`)];
}

/**
 * Servers get the agent's whole environment from it, so nothing of what they are to be forwarded has to
 * stand in the file; the session's token is taken from those that are not to have it. @returns its path
 */
function mcpConfig({ stateDir, mcpServers }: LaunchPlan): string {
  const path = join(stateDir, 'mcp.json');
  const environmentOf = ({ env, own }: McpServerLaunch) => (own ? env : { [TOKEN]: '', ...env });
  const servers = Object.fromEntries(mcpServers.map((server) => [server.name, { type: 'stdio', command: server.command, args: server.args, env: environmentOf(server) }]));
  ownFile(path, `${JSON.stringify({ mcpServers: servers }, null, 2)}\n`);
  return path;
}
