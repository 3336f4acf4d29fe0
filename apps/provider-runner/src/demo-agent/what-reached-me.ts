import type { AgentContext } from './agent-context.js';
import { MCP_PROBES_MAX } from './limits.js';
import { probeMcpServer, type StdioMcpServer } from './mcp-probe.js';

/** Variables the runner sets for every agent; the token is a secret, so only its presence is told. */
const OWN_VARIABLES = ['ORBITMESH_SESSION_ID', 'ORBITMESH_PROJECT_ID', 'ORBITMESH_TASK_IDS', 'ORBITMESH_RUN_ID', 'ORBITMESH_MANIFEST', 'ORBITMESH_API_URL'];

/**
 * Markdown lines that show what of the spawn request really reached this process: values as they stand
 * in its own environment and in the prompt it was given, not as the manifest promises them. Of secrets
 * only `set` or `missing` is said.
 */
export async function whatReachedMe(context: AgentContext, firstPrompt: string, mcpServers: StdioMcpServer[]): Promise<string[]> {
  const { manifest, env } = context;
  const lines = ['## What reached me', ''];
  const systemPrompt = manifest?.systemPrompt.trim();
  if (systemPrompt) lines.push(`- systemPrompt: ${firstPrompt.includes(systemPrompt) ? `in my first prompt: ${systemPrompt}` : 'missing from my first prompt'}`);
  else lines.push('- systemPrompt: none');
  for (const name of Object.keys(manifest?.environment ?? {}).sort()) lines.push(`- environment ${name}: ${env[name] ?? 'missing'}`);
  for (const name of Object.keys(manifest?.secrets ?? {}).sort()) lines.push(`- secret ${name}: ${env[name] ? 'set' : 'missing'}`);
  for (const name of OWN_VARIABLES) lines.push(`- ${name}: ${env[name] ?? 'missing'}`);
  lines.push(`- ORBITMESH_TOKEN: ${env.ORBITMESH_TOKEN ? 'set' : 'missing'}`);
  const probed = await Promise.all(mcpServers.slice(0, MCP_PROBES_MAX).map(async (server) => `- mcpServer ${server.name}: ${await probeMcpServer(server)}`));
  lines.push(...probed, ...mcpServers.slice(MCP_PROBES_MAX).map(({ name }) => `- mcpServer ${name}: named, not tried`));
  for (const [key, value] of Object.entries(manifest?.provider.custom ?? {})) lines.push(`- custom ${key}: ${JSON.stringify(value)}`);
  return lines;
}
