import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import type { Context } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { MCP_LINE_BYTES_MAX } from '../limits.js';
import { printable } from '../terminal.js';
import { mcpServerOf } from './mcp-server.js';
import type { Own } from './tool.js';

/** Speaks MCP on stdin and stdout until stdin ends, which ends what is under way, too. @throws CliError outside of a session */
export async function serveMcp(context: Context): Promise<void> {
  const own = ownOf(context);
  const client = await context.client();
  const { stdin, stdout, stderr, signal } = context.terminal;
  const note = (line: string): void => { stderr.write(printable(`orbitmesh mcp: ${line}\n`)); };
  const server = mcpServerOf({ client, own, mailCursor: null }, note);
  const transport = new StdioServerTransport(stdin, stdout, { maxBufferSize: MCP_LINE_BYTES_MAX });
  server.server.onerror = (error) => note(`${error.name} in what came from the agent`);
  const ended = new Promise<void>((resolve) => { server.server.onclose = resolve; });
  const close = (): void => void server.close();
  stdin.once('end', close).once('close', close);
  signal.addEventListener('abort', close, { once: true });
  await server.connect(transport);
  await ended;
}

/** @throws CliError */
function ownOf({ terminal: { env } }: Context): Own {
  const { ORBITMESH_SESSION_ID: sessionId, ORBITMESH_PROJECT_ID: projectId, ORBITMESH_TASK_IDS: taskIds = '' } = env;
  if (!sessionId || !projectId) {
    throw new CliError(EXIT.usage, 'It speaks for a session: ORBITMESH_SESSION_ID and ORBITMESH_PROJECT_ID, ORBITMESH_TOKEN and ORBITMESH_API_URL are needed. Agents are given it by their runner.');
  }
  return { sessionId, projectId, taskIds: taskIds.split(',').filter(Boolean) };
}
