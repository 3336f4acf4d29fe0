import { randomUUID } from 'node:crypto';
import { serverSentEvent, type Body, type Dialect, type ModelRequest } from './dialect.js';
import { piecesOf, type ModelTurn } from './model-turn.js';

interface ChatRequest {
  model?: string;
  messages?: { role: string; content?: string | { type: string; text?: string }[] | null }[];
  tools?: { type: string; function?: { name: string; parameters?: object } }[];
  response_format?: { type?: string; json_schema?: { schema?: object } };
  stream?: boolean;
}

const ERROR_TYPES: Record<number, string> = { 400: 'invalid_request_error', 401: 'authentication_error', 429: 'rate_limit_error', 500: 'server_error', 529: 'overloaded_error' };
const ERROR_CODES: Record<number, string> = { 401: 'invalid_api_key', 429: 'rate_limit_exceeded' };

/**
 * OpenAI's Chat Completions API, with and without SSE, and the list of models: what most programs mean
 * by "OpenAI compatible".
 *
 * @see https://platform.openai.com/docs/api-reference/chat
 */
export const openaiChatDialect: Dialect = {
  name: 'openai-chat',
  operationOf: (path) => /^\/v1\/(chat\/completions|models)(?:\?|$)/.exec(path)?.[1],
  read: (operation, body) => (operation === 'models' ? { json: { object: 'list', data: [{ id: 'stand-in', object: 'model', created: 0, owned_by: 'stand-in' }] } } : read(body as ChatRequest)),
  whole: (turn, body) => ({
    ...completionOf('chat.completion', body),
    choices: [{
      index: 0, finish_reason: finishOf(turn), logprobs: null,
      message: { role: 'assistant', content: turn.text || null, ...(turn.thought ? { reasoning_content: turn.thought } : {}), ...(turn.call ? { tool_calls: [toolCallOf(turn.call)] } : {}) },
    }],
    usage: usageOf(turn),
  }),
  stream: (turn, body) => {
    const common = completionOf('chat.completion.chunk', body);
    const chunk = (delta: Body, finish_reason: string | null = null) => serverSentEvent({ ...common, choices: [{ index: 0, delta, finish_reason }] });
    return [
      chunk({ role: 'assistant', content: '' }),
      // Not OpenAI's own: what those that are compatible with it call a thought.
      ...piecesOf(turn.thought, turn).map((reasoning_content) => chunk({ reasoning_content })),
      ...piecesOf(turn.text, turn).map((content) => chunk({ content })),
      ...(turn.call ? callChunks(turn.call).map((call) => chunk({ tool_calls: [call] })) : []),
      chunk({}, finishOf(turn)),
      serverSentEvent({ ...common, choices: [], usage: usageOf(turn) }),
      'data: [DONE]\n\n',
    ];
  },
  error: (status, message) => ({ error: { message, type: ERROR_TYPES[status] ?? 'server_error', param: null, code: ERROR_CODES[status] ?? null } }),
};

function read({ messages = [], tools = [], response_format, stream }: ChatRequest): ModelRequest {
  return {
    messages: messages.map(({ role, content }) => ({
      text: typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('\n'),
      toolResults: role === 'tool' ? 1 : 0,
    })),
    tools: tools.flatMap((tool) => (tool.function ? [{ name: tool.function.name, schema: tool.function.parameters }] : [])),
    ...(response_format?.type === 'json_schema' ? { jsonSchema: response_format.json_schema?.schema ?? {} } : {}),
    stream: stream === true,
  };
}

function completionOf(object: string, { model }: Body): Body {
  return { id: `chatcmpl-${randomUUID()}`, object, created: Math.floor(Date.now() / 1000), model: model ?? 'stand-in' };
}

function finishOf({ call }: ModelTurn): string {
  return call ? 'tool_calls' : 'stop';
}

function toolCallOf({ name, args }: NonNullable<ModelTurn['call']>) {
  return { id: `call_${randomUUID().replaceAll('-', '')}`, type: 'function', function: { name, arguments: JSON.stringify(args) } };
}

/** The call's name first, its arguments piece by piece. */
function callChunks(call: NonNullable<ModelTurn['call']>): Body[] {
  const whole = toolCallOf(call);
  const named = { ...whole, index: 0, function: { name: whole.function.name, arguments: '' } };
  return [named, ...piecesOf(whole.function.arguments, {}).map((piece) => ({ index: 0, function: { arguments: piece } }))];
}

/** This API counts cached tokens into the prompt and thoughts into the completion. */
function usageOf({ usage }: ModelTurn): Body {
  const prompt = usage.input + usage.cacheRead;
  return {
    prompt_tokens: prompt, completion_tokens: usage.output, total_tokens: prompt + usage.output,
    prompt_tokens_details: { cached_tokens: usage.cacheRead }, completion_tokens_details: { reasoning_tokens: usage.reasoning },
  };
}
