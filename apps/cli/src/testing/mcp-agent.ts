import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

export const CLI_MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

type CallOptions = NonNullable<Parameters<Client['callTool']>[2]>;

/** An agent's side of `orbitmesh mcp`: the SDK's own client, over stdio, with an environment that has nothing but what it is given. */
export class McpAgent {
  stderr = '';

  private constructor(readonly client: Client, private readonly transport: StdioClientTransport) {
    transport.stderr?.on('data', (chunk: Buffer) => { this.stderr += chunk.toString(); });
  }

  static async start(env: Record<string, string>): Promise<McpAgent> {
    const transport = new StdioClientTransport({ command: process.execPath, args: [CLI_MAIN, 'mcp'], env, stderr: 'pipe', cwd: '/' });
    const agent = new McpAgent(new Client({ name: 'test', version: '1' }), transport);
    await agent.client.connect(transport);
    return agent;
  }

  get pid(): number {
    return this.transport.pid ?? 0;
  }

  async call(name: string, args: Record<string, unknown> = {}, options?: CallOptions): Promise<CallToolResult> {
    return await this.client.callTool({ name, arguments: args }, undefined, options) as CallToolResult;
  }

  /** What a model reads. */
  async text(name: string, args?: Record<string, unknown>): Promise<string> {
    return (await this.call(name, args)).content.map((part) => (part.type === 'text' ? part.text : '')).join('\n');
  }

  close(): Promise<void> {
    return this.client.close();
  }
}
