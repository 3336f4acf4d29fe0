import { createInterface } from 'node:readline';

/**
 * A whole MCP server over stdio with one tool, `report_progress`, for the specs of real agents: it answers
 * with the message, and with whether it has the variable ORBITMESH_TOKEN.
 */
interface Message { id?: number | string; method?: string; params?: { protocolVersion?: string; arguments?: { message?: string } } }

const TOOL = { name: 'report_progress', description: 'Reports progress.', inputSchema: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] } };

function resultOf({ method, params }: Message): unknown {
  switch (method) {
    case 'initialize': return { protocolVersion: params?.protocolVersion, capabilities: { tools: {} }, serverInfo: { name: 'scripted', version: '1.0.0' } };
    case 'tools/list': return { tools: [TOOL] };
    case 'tools/call': return { content: [{ type: 'text', text: `reported ${params?.arguments?.message}, ${process.env.ORBITMESH_TOKEN ? 'with' : 'without'} a token` }] };
    default: return {};
  }
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line) as Message;
  if (message.id !== undefined) process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', id: message.id, result: resultOf(message) })}\n`);
});
