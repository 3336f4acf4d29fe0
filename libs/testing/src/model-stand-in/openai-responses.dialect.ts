import { randomUUID } from 'node:crypto';
import { serverSentEvent, type Body, type Dialect, type ModelRequest, type OfferedTool } from './dialect.js';
import { piecesOf, type ModelTurn } from './model-turn.js';

interface Tool { type: string; name?: string; parameters?: object; tools?: Tool[] }
interface Item { type?: string; role?: string; content?: string | { text?: string }[]; output?: unknown }
interface ResponsesRequest {
  model?: string;
  instructions?: string;
  input?: string | Item[];
  tools?: Tool[];
  text?: { format?: { type?: string; schema?: object } };
  stream?: boolean;
}
type OutputItem = Body & { id: string; type: string };

/** A tool without a schema takes one text (`apply_patch` of codex). */
const FREEFORM: object = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };

/**
 * OpenAI's Responses API, with and without SSE. Tools of an MCP server are offered in a namespace; here
 * they are named `<namespace>__<name>`, as they are in other APIs.
 *
 * @see https://platform.openai.com/docs/api-reference/responses, …/responses-streaming
 */
export const openaiResponsesDialect: Dialect = {
  name: 'openai-responses',
  operationOf: (path) => (/^\/v1\/responses(?:\?|$)/.test(path) ? 'responses' : undefined),
  read: (_operation, body) => read(body as ResponsesRequest),
  whole: (turn, body) => responseOf(turn, body, itemsOf(turn, body)),
  stream: (turn, body) => {
    const items = itemsOf(turn, body);
    const response = responseOf(turn, body, items);
    const events = [
      { type: 'response.created', response: { ...response, status: 'in_progress', output: [], usage: null } },
      ...items.flatMap((item, index) => eventsOf(item, index, turn)),
      { type: 'response.completed', response },
    ];
    return events.map((event, sequence_number) => serverSentEvent({ ...event, sequence_number }, event.type));
  },
  error: (status, message) => ({ error: { message, type: status === 401 ? 'invalid_request_error' : `error_${status}`, param: null, code: status === 401 ? 'invalid_api_key' : null } }),
};

function read({ instructions, input = [], tools = [], text, stream }: ResponsesRequest): ModelRequest {
  const items: Item[] = typeof input === 'string' ? [{ role: 'user', content: input }] : input;
  const format = text?.format;
  return {
    messages: [{ text: instructions ?? '', toolResults: 0 }, ...items.map((item) => ({ text: textOf(item), toolResults: item.type?.endsWith('_call_output') ? 1 : 0 }))],
    tools: calledBy(tools).map(({ name, schema }) => ({ name, schema })),
    ...(format?.type === 'json_schema' ? { jsonSchema: format.schema ?? {} } : {}),
    stream: stream === true,
  };
}

function textOf({ content }: Item): string {
  return typeof content === 'string' ? content : (content ?? []).map(({ text }) => text ?? '').join('\n');
}

interface CallableTool extends OfferedTool { own: string; namespace?: string; freeform: boolean }

/** The tools the model can call, flat; those that run at the API itself (web search) are none of them. */
function calledBy(tools: Tool[], namespace?: string): CallableTool[] {
  return tools.flatMap((tool): CallableTool[] => {
    const { type, name = '' } = tool;
    if (type === 'namespace') return calledBy(tool.tools ?? [], name);
    if (type !== 'function' && type !== 'custom') return [];
    const freeform = type === 'custom';
    return [{ name: namespace ? `${namespace}__${name}` : name, own: name, schema: freeform ? FREEFORM : tool.parameters, freeform, ...(namespace ? { namespace } : {}) }];
  });
}

function itemsOf({ thought, text, call }: ModelTurn, { tools }: ResponsesRequest): OutputItem[] {
  return [
    ...(thought ? [{ id: newId('rs'), type: 'reasoning', summary: [{ type: 'summary_text', text: thought }], encrypted_content: null }] : []),
    ...(text ? [{ id: newId('msg'), type: 'message', role: 'assistant', status: 'completed', content: [{ type: 'output_text', text, annotations: [] }] }] : []),
    ...(call ? [callItem(call, calledBy(tools ?? []))] : []),
  ];
}

function callItem({ name, args }: NonNullable<ModelTurn['call']>, tools: CallableTool[]): OutputItem {
  const tool = tools.find((offered) => offered.name === name);
  const named = { name: tool?.own ?? name, call_id: newId('call'), status: 'completed', ...(tool?.namespace ? { namespace: tool.namespace } : {}) };
  if (tool?.freeform) return { id: newId('ctc'), type: 'custom_tool_call', ...named, input: String((args as { input?: unknown }).input ?? '') };
  return { id: newId('fc'), type: 'function_call', ...named, arguments: JSON.stringify(args) };
}

function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll('-', '')}`;
}

/** One item as events: begun empty, filled piece by piece where it is text, ended whole. */
function eventsOf(item: OutputItem, output_index: number, turn: ModelTurn): (Body & { type: string })[] {
  const at = { output_index, item_id: item.id };
  const around = (empty: Body, deltas: (Body & { type: string })[]) => [
    { type: 'response.output_item.added', output_index, item: { ...item, ...empty } }, ...deltas, { type: 'response.output_item.done', output_index, item },
  ];
  switch (item.type) {
    case 'reasoning':
      return around({ summary: [] }, [
        { type: 'response.reasoning_summary_part.added', ...at, summary_index: 0, part: { type: 'summary_text', text: '' } },
        ...piecesOf(turn.thought, turn).map((delta) => ({ type: 'response.reasoning_summary_text.delta', ...at, summary_index: 0, delta })),
      ]);
    case 'message':
      return around({ content: [], status: 'in_progress' }, piecesOf(turn.text, turn).map((delta) => ({ type: 'response.output_text.delta', ...at, content_index: 0, delta })));
    case 'function_call':
      return around({ arguments: '', status: 'in_progress' }, piecesOf(String(item.arguments), {}).map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })));
    default:
      return around({ input: '', status: 'in_progress' }, piecesOf(String(item.input), {}).map((delta) => ({ type: 'response.custom_tool_call_input.delta', ...at, delta })));
  }
}

/** Here the cached tokens are a part of `input_tokens`, and what was thought of `output_tokens`. */
function responseOf({ usage }: ModelTurn, { model }: ResponsesRequest, output: OutputItem[]): Body {
  const input_tokens = usage.input + usage.cacheRead + usage.cacheWrite;
  return {
    id: newId('resp'), object: 'response', status: 'completed', model: model ?? 'stand-in', output,
    usage: {
      input_tokens, input_tokens_details: { cached_tokens: usage.cacheRead, cache_write_tokens: usage.cacheWrite },
      output_tokens: usage.output, output_tokens_details: { reasoning_tokens: usage.reasoning }, total_tokens: input_tokens + usage.output,
    },
  };
}
