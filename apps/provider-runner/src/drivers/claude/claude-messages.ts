import type { DriverFact } from '../driver.js';
import { count, fields, list, short, text, type Fields } from '../wire/fields.js';
import { OPEN_TOOL_CALLS_MAX, PLAN_ENTRIES_MAX } from '../wire/wire.limits.js';
import type { ClaudeState, OpenToolCall } from './claude-state.js';
import { contentOfResult, describeToolUse, PLAN_TOOL, type ToolUse } from './claude-tools.js';
import { metricSoFar, withAnswer, withNestedMessage, withRequest } from './claude-usage.js';

/** What a frame comes to: the next state and what is to be said. `understood: false` makes it an unparsed record. */
export interface Applied { state: ClaudeState; facts: DriverFact[]; understood: boolean }

const nothing = (state: ClaudeState): Applied => ({ state, facts: [], understood: true });
const notUnderstood = (state: ClaudeState): Applied => ({ state, facts: [], understood: false });

/** Known events of a stream that say nothing more. */
const PASSED_OVER = new Set(['content_block_stop', 'message_stop', 'ping']);

/** A piece of the answer that is being written. Only the main conversation is streamed. */
export function applyStreamEvent(state: ClaudeState, frame: Fields): Applied {
  const event = fields(frame.event);
  if (text(frame.parent_tool_use_id) !== undefined) return nothing(state);
  switch (event.type) {
    case 'message_start': {
      const message = fields(event.message);
      return nothing({ ...state, streaming: short(message.id) || null, usage: withRequest(state.usage, message) });
    }
    case 'content_block_start':
      return nothing(fields(event.content_block).type === 'text' ? beginParagraph(state) : state);
    case 'content_block_delta': {
      const { type, text: said, thinking } = fields(event.delta);
      if (type === 'text_delta') return sayText(state, text(said) ?? '');
      return { ...nothing(state), facts: type === 'thinking_delta' && text(thinking) ? [{ type: 'thought', content: text(thinking)! }] : [] };
    }
    case 'message_delta': {
      const next = { ...state, usage: withAnswer(state.usage, fields(event.usage)) };
      return { ...nothing(next), facts: [metricSoFar(next.usage)] };
    }
    default:
      return PASSED_OVER.has(String(event.type)) ? nothing(state) : notUnderstood(state);
  }
}

/** A whole block of an answer: its tool calls are new, its words were streamed already, if they were streamed. */
export function applyAssistant(state: ClaudeState, frame: Fields, workingDir: string): Applied {
  const message = fields(frame.message);
  if (!Array.isArray(message.content)) return notUnderstood(state);
  const nested = text(frame.parent_tool_use_id) !== undefined;
  const error = text(frame.error);
  let applied = nothing(error && state.turn ? { ...state, turn: { ...state.turn, apiError: short(error) } } : state);
  if (nested) applied.state = { ...applied.state, usage: withNestedMessage(applied.state.usage, short(message.id)) };
  // What the agent's own agents say is theirs; the words of a failed request come with the result.
  const silent = nested || error !== undefined || short(message.id) === state.streaming;
  for (const block of message.content.map(fields)) {
    if (block.type === 'tool_use') applied = and(applied, beginTool(applied.state, { id: short(block.id), name: short(block.name), input: fields(block.input) }, workingDir));
    else if (!silent && block.type === 'text') applied = and(applied, sayText(beginParagraph(applied.state), text(block.text) ?? ''));
    else if (!silent && block.type === 'thinking' && text(block.thinking)) applied.facts.push({ type: 'thought', content: text(block.thinking)! });
  }
  return applied;
}

/** Results of tools. What else comes in this direction is what we said ourselves, or what the agent tells its model. */
export function applyUser(state: ClaudeState, frame: Fields): Applied {
  const { content } = fields(frame.message);
  if (typeof content === 'string') return nothing(state);
  if (!Array.isArray(content)) return notUnderstood(state);
  return content.map(fields).filter(({ type }) => type === 'tool_result').reduce<Applied>(
    (applied, block) => and(applied, endTool(applied.state, block, frame.tool_use_result)), nothing(state),
  );
}

function and(before: Applied, next: Applied): Applied {
  return { state: next.state, facts: [...before.facts, ...next.facts], understood: before.understood && next.understood };
}

function beginParagraph(state: ClaudeState): ClaudeState {
  return state.gap === 'due' ? { ...state, gap: 'now' } : state;
}

function sayText(state: ClaudeState, said: string): Applied {
  if (!said) return nothing(state);
  const content = state.gap === 'now' ? `\n\n${said}` : said;
  return { ...nothing({ ...state, gap: 'due' }), facts: [{ type: 'output', content, stream: 'agent' }] };
}

function beginTool(state: ClaudeState, use: ToolUse, workingDir: string): Applied {
  if (!use.id) return notUnderstood(state);
  if (use.name === PLAN_TOOL && Array.isArray(use.input.todos)) return applyPlan(state, use.input.todos);
  const { title, kind, ...more } = describeToolUse(use, workingDir);
  return { ...nothing(withToolCall(state, use.id, { title, kind, status: 'in_progress' })), facts: [{ type: 'tool_call', toolCallId: use.id, title, kind, status: 'in_progress', ...more }] };
}

/** The status of a tool call that was announced before. */
export function setToolStatus(state: ClaudeState, toolCallId: string, status: NonNullable<OpenToolCall['status']>): Applied {
  const known = state.toolCalls[toolCallId];
  if (!known || known.status === status) return nothing(state);
  return { ...nothing(withToolCall(state, toolCallId, { ...known, status })), facts: [{ type: 'tool_call', toolCallId, ...known, status }] };
}

function endTool(state: ClaudeState, block: Fields, detail: unknown): Applied {
  const toolCallId = short(block.tool_use_id);
  const known = state.toolCalls[toolCallId];
  // The plan's, or one that was forgotten or ended before.
  if (!known) return toolCallId ? nothing(state) : notUnderstood(state);
  const status = block.is_error === true ? 'failed' : 'completed';
  const { [toolCallId]: _ended, ...toolCalls } = state.toolCalls;
  const content = contentOfResult(block, detail, known.kind);
  return { ...nothing({ ...state, toolCalls }), facts: [{ type: 'tool_call', toolCallId, ...known, status, ...(content ? { content } : {}) }] };
}

function withToolCall(state: ClaudeState, id: string, call: OpenToolCall): ClaudeState {
  const { [id]: _old, ...others } = state.toolCalls;
  return { ...state, toolCalls: Object.fromEntries([...Object.entries(others).slice(-(OPEN_TOOL_CALLS_MAX - 1)), [id, call]]) };
}

function applyPlan(state: ClaudeState, todos: unknown[]): Applied {
  const entries = todos.slice(0, PLAN_ENTRIES_MAX).map(fields).map(({ content, status }) => ({ content: short(content), status: short(status) }));
  const more = todos.length - entries.length;
  const step = list(todos).map(fields).find(({ status }) => status === 'in_progress');
  return {
    ...nothing({ ...state, planStep: short(step?.activeForm) || short(step?.content) || null }),
    facts: [{ type: 'plan', entries: more > 0 ? [...entries, { content: `… and ${count(more)} more`, status: 'pending' }] : entries }],
  };
}
