import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { MCP_PROBE_BYTES_MAX, MCP_PROBE_MS } from './limits.js';

export interface StdioMcpServer { name: string; command: string; args: string[]; env: { name: string; value: string }[] }

/** The handshake of MCP (specification 2025-06-18, lifecycle): the answer says who it is. */
const INITIALIZE = {
  jsonrpc: '2.0',
  id: 'om:mcp:initialize',
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'orbitmesh-demo-agent', version: '0.1.0' } },
};

/** Starts a stdio MCP server as an agent would, initializes it and ends it; `detail` says in words what came of it. */
export async function probeMcpServer(server: StdioMcpServer): Promise<{ initialized: boolean; detail: string }> {
  const env = { ...process.env, ...Object.fromEntries(server.env.map(({ name, value }) => [name, value])) };
  const child = spawn(server.command, server.args, { env, stdio: 'pipe' });
  child.stderr.resume();
  // A server that does not read its stdin must not end this process by EPIPE; its exit is reported below.
  child.stdin.on('error', () => {});
  try {
    const { serverInfo } = await initialize(child);
    return { initialized: true, detail: `initialized as ${serverInfo?.name ?? 'unnamed'} ${serverInfo?.version ?? ''}`.trim() };
  } catch (error) {
    return { initialized: false, detail: `could not be initialized: ${(error as Error).message}` };
  } finally {
    child.kill('SIGKILL');
  }
}

function initialize(child: ChildProcessWithoutNullStreams): Promise<{ serverInfo?: { name?: string; version?: string } }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no answer within ${MCP_PROBE_MS} ms`)), MCP_PROBE_MS);
    let text = '';
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`exited with ${signal ?? code}`)));
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
      if (text.length > MCP_PROBE_BYTES_MAX) return reject(new Error(`more than ${MCP_PROBE_BYTES_MAX} bytes without an answer`));
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) {
        const message = parse(line);
        if (message?.id !== INITIALIZE.id) continue;
        clearTimeout(timer);
        if (message.result) resolve(message.result as { serverInfo?: { name?: string } });
        else reject(new Error(JSON.stringify(message.error ?? null).slice(0, 200)));
      }
    });
    child.once('close', () => clearTimeout(timer));
    child.stdin.write(`${JSON.stringify(INITIALIZE)}\n`);
  });
}

/** Servers log to stdout too, against the rules; a line that is no JSON is not the answer. */
function parse(line: string): { id?: unknown; result?: unknown; error?: unknown } | null {
  try {
    return JSON.parse(line) as { id?: unknown };
  } catch {
    return null;
  }
}
