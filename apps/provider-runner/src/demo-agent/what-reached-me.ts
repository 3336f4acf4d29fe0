import type { AgentContext } from './agent-context.js';
import { MCP_PROBES_MAX } from './limits.js';
import { probeMcpServer, type StdioMcpServer } from './mcp-probe.js';

/** Variables the runner sets for every agent; the token is a secret, so only its presence is told. */
const OWN_VARIABLES = ['ORBITMESH_SESSION_ID', 'ORBITMESH_PROJECT_ID', 'ORBITMESH_TASK_IDS', 'ORBITMESH_RUN_ID', 'ORBITMESH_MANIFEST', 'ORBITMESH_API_URL', 'ORBITMESH_AGENT_STATE'];

/** One thing of the spawn request, with its value as it arrived, or why it did not. */
export interface Reached {
  what: string;
  value: string;
  missing: boolean;
}

/**
 * What of the spawn request really reached this process: values as they stand in its own environment
 * and in the prompt it was given, not as the manifest promises them. Of secrets only `set` or `missing`
 * is said.
 */
export async function whatReachedMe(context: AgentContext, firstPrompt: string, mcpServers: StdioMcpServer[]): Promise<Reached[]> {
  const { manifest, env } = context;
  const variable = (what: string, name: string): Reached => ({ what, value: env[name] ?? 'missing', missing: env[name] === undefined });
  const secret = (what: string, name: string): Reached => ({ what, value: env[name] ? 'set' : 'missing', missing: !env[name] });
  return [
    systemPromptIn(firstPrompt, manifest?.systemPrompt.trim()),
    ...Object.keys(manifest?.environment ?? {}).sort().map((name) => variable(`environment ${name}`, name)),
    ...Object.keys(manifest?.secrets ?? {}).sort().map((name) => secret(`secret ${name}`, name)),
    ...OWN_VARIABLES.map((name) => variable(name, name)),
    secret('ORBITMESH_TOKEN', 'ORBITMESH_TOKEN'),
    ...await Promise.all(mcpServers.slice(0, MCP_PROBES_MAX).map(probe)),
    ...mcpServers.slice(MCP_PROBES_MAX).map(({ name }) => ({ what: `mcpServer ${name}`, value: 'named, not tried', missing: false })),
    ...Object.entries(manifest?.provider.custom ?? {}).map(([key, value]) => ({ what: `custom ${key}`, value: JSON.stringify(value), missing: false })),
  ];
}

/** In one line, for the output: all of it with its values stands in the report. */
export function summarizeReached(reached: Reached[]): string {
  const missing = reached.filter((one) => one.missing).map(({ what }) => what);
  return missing.length ? `Of what I was to be given, this did not reach me: ${missing.join(', ')}.` : 'Everything I was to be given reached me.';
}

function systemPromptIn(firstPrompt: string, systemPrompt: string | undefined): Reached {
  if (!systemPrompt) return { what: 'systemPrompt', value: 'none', missing: false };
  const arrived = firstPrompt.includes(systemPrompt);
  return { what: 'systemPrompt', value: arrived ? `in my first prompt: ${systemPrompt}` : 'missing from my first prompt', missing: !arrived };
}

async function probe(server: StdioMcpServer): Promise<Reached> {
  const { initialized, detail } = await probeMcpServer(server);
  return { what: `mcpServer ${server.name}`, value: detail, missing: !initialized };
}
