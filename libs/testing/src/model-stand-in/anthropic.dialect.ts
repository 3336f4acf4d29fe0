import { randomUUID } from 'node:crypto';
import { serverSentEvent, type Body, type Dialect, type ModelRequest } from './dialect.js';
import { piecesOf, tokensOf, type ModelTurn } from './model-turn.js';

interface Block { type: string; text?: string; content?: string | { text?: string }[] }
interface MessagesRequest {
  model?: string;
  messages?: { content: string | Block[] }[];
  tools?: { name: string; input_schema?: object }[];
  output_config?: { format?: { type?: string; schema?: object } };
  output_format?: { type?: string; schema?: object };
  stream?: boolean;
}

const ERROR_TYPES: Record<number, string> = {
  400: 'invalid_request_error', 401: 'authentication_error', 403: 'permission_error', 404: 'not_found_error',
  413: 'request_too_large', 429: 'rate_limit_error', 500: 'api_error', 529: 'overloaded_error',
};

/**
 * Anthropic's API: Messages, with and without SSE, and count_tokens.
 *
 * @see https://docs.anthropic.com/en/api/messages, https://docs.anthropic.com/en/api/messages-streaming
 */
export const anthropicDialect: Dialect = {
  name: 'anthropic',
  operationOf: (path) => /^\/v1\/(messages\/count_tokens|messages)(?:\?|$)/.exec(path)?.[1],
  read: (operation, body) => (operation === 'messages' ? read(body as MessagesRequest) : { json: { input_tokens: tokensOf(JSON.stringify(body.messages ?? [])) } }),
  whole: (turn, body) => ({ ...messageOf(body), content: blocksOf(turn), stop_reason: stopReasonOf(turn), usage: usageOf(turn, turn.usage.output) }),
  stream: (turn, body) => {
    // What is known at the start has a provisional output count; the true one comes with message_delta.
    const start = { type: 'message_start', message: { ...messageOf(body), content: [], stop_reason: null, usage: usageOf(turn, 1) } };
    const end = { type: 'message_delta', delta: { stop_reason: stopReasonOf(turn), stop_sequence: null }, usage: { output_tokens: turn.usage.output } };
    return [start, ...blocksOf(turn).flatMap((block, index) => eventsOf(block, index, turn)), end, { type: 'message_stop' }].map((event) => serverSentEvent(event, event.type));
  },
  error: (status, message) => ({ type: 'error', error: { type: ERROR_TYPES[status] ?? 'api_error', message }, request_id: `req_${randomUUID()}` }),
};

function read({ messages = [], tools = [], output_config, output_format, stream }: MessagesRequest): ModelRequest {
  const format = output_config?.format ?? output_format;
  return {
    messages: messages.map(({ content }) => {
      const blocks: Block[] = typeof content === 'string' ? [{ type: 'text', text: content }] : content;
      const results = blocks.filter(({ type }) => type === 'tool_result');
      return { text: blocks.map(({ text }) => text ?? '').join('\n'), toolResults: results.length, result: resultOf(results.at(-1)?.content) };
    }),
    // Tools that run at the API itself have no schema of ours to fill.
    tools: tools.filter(({ input_schema }) => input_schema).map(({ name, input_schema }) => ({ name, schema: input_schema })),
    ...(format?.type === 'json_schema' ? { jsonSchema: format.schema ?? {} } : {}),
    stream: stream === true,
  };
}

function resultOf(content: Block['content'] = ''): string {
  return typeof content === 'string' ? content : content.map(({ text }) => text ?? '').join('\n');
}

function messageOf({ model }: Body): Body {
  return { id: `msg_${randomUUID()}`, type: 'message', role: 'assistant', model: model ?? 'stand-in', stop_sequence: null };
}

function usageOf({ usage }: ModelTurn, output: number): Body {
  return { input_tokens: usage.input, cache_creation_input_tokens: usage.cacheWrite, cache_read_input_tokens: usage.cacheRead, output_tokens: output };
}

function stopReasonOf({ call }: ModelTurn): string {
  return call ? 'tool_use' : 'end_turn';
}

function blocksOf({ thought, text, call }: ModelTurn) {
  return [
    ...(thought ? [{ type: 'thinking' as const, thinking: thought, signature: 'c3RhbmQtaW4=' }] : []),
    ...(text ? [{ type: 'text' as const, text }] : []),
    ...(call ? [{ type: 'tool_use' as const, id: `toolu_${randomUUID().replaceAll('-', '')}`, name: call.name, input: call.args }] : []),
  ];
}

/** One block as events: begun empty, filled piece by piece, ended. */
function eventsOf(block: ReturnType<typeof blocksOf>[number], index: number, turn: ModelTurn): (Body & { type: string })[] {
  const delta = (value: Body) => ({ type: 'content_block_delta', index, delta: value });
  const around = (empty: Body, deltas: Body[]) => [{ type: 'content_block_start', index, content_block: empty }, ...deltas.map(delta), { type: 'content_block_stop', index }];
  switch (block.type) {
    case 'thinking':
      return around({ type: 'thinking', thinking: '', signature: '' }, [
        ...piecesOf(block.thinking, turn).map((thinking) => ({ type: 'thinking_delta', thinking })), { type: 'signature_delta', signature: block.signature },
      ]);
    case 'text':
      return around({ type: 'text', text: '' }, piecesOf(block.text, turn).map((text) => ({ type: 'text_delta', text })));
    case 'tool_use':
      return around({ ...block, input: {} }, piecesOf(JSON.stringify(block.input), {}).map((partial_json) => ({ type: 'input_json_delta', partial_json })));
  }
}
