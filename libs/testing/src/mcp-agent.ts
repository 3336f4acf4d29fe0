import type { Client } from '@modelcontextprotocol/sdk/client/index.js';
import type { StdioClientTransport, StdioServerParameters } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';

type CallOptions = NonNullable<Parameters<Client['callTool']>[2]>;

/** An agent's side of a stdio MCP server: the SDK's own client, which gives the server an environment that has little but what it is told. */
export class McpAgent {
  stderr = '';

  private constructor(readonly client: Client, private readonly transport: StdioClientTransport) {
    transport.stderr?.on('data', (chunk: Buffer) => { this.stderr += chunk.toString(); });
  }

  /** The SDK is loaded here: most tests do without it. */
  static async start(server: Omit<StdioServerParameters, 'stderr'>): Promise<McpAgent> {
    // One after the other: Jest's loader trips over two that import the same.
    const sdk = await import('@modelcontextprotocol/sdk/client/index.js');
    const stdio = await import('@modelcontextprotocol/sdk/client/stdio.js');
    const transport = new stdio.StdioClientTransport({ ...server, stderr: 'pipe' });
    const agent = new McpAgent(new sdk.Client({ name: 'test', version: '1' }), transport);
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
