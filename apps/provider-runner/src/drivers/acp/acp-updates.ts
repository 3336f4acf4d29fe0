import { addTokens, type RunFact } from '@orbitmesh/domain';
import type { AcpState, OpenToolCall } from './acp-state.js';
import { metricOf, usageOfChunk } from './acp-usage.js';
import type { DriverFact } from '../driver.js';
import { count, fields, list, short, text, type Fields } from '../wire/fields.js';
import { OPEN_TOOL_CALLS_MAX, PLAN_ENTRIES_MAX } from '../wire/wire.limits.js';

/** What an update comes to: the next state and what is to be said. `understood: false` makes it an unparsed record. */
export interface Applied { state: AcpState; facts: DriverFact[]; understood: boolean }

type ToolCallFact = Extract<RunFact, { type: 'tool_call' }>;
const TOOL_STATUSES = ['pending', 'in_progress', 'completed', 'failed'] as const;
const OPEN_STATUSES: readonly string[] = ['pending', 'in_progress'];

/** Known to the protocol, and nothing that a reader of the session needs. */
const PASSED_OVER = new Set(['user_message_chunk', 'available_commands_update', 'config_option_update', 'compaction_update', 'compaction_summary_chunk']);

/** One `session/update` (ACP v1), read without trusting its shape. */
export function applyUpdate(state: AcpState, update: Fields): Applied {
  const say = (...facts: DriverFact[]): Applied => ({ state, facts, understood: true });
  switch (update.sessionUpdate) {
    case 'agent_message_chunk': {
      const tokens = usageOfChunk(update);
      const content = textOfContent(update.content);
      const facts: DriverFact[] = content ? [{ type: 'output', content, stream: 'agent' }] : [];
      if (!tokens) return { state, facts, understood: content !== undefined };
      const next = { ...state, usage: { ...state.usage, chunks: addTokens(state.usage.chunks, tokens) } };
      return { state: next, facts: [...facts, metricOf(next.usage)], understood: true };
    }
    case 'agent_thought_chunk': {
      const content = textOfContent(update.content);
      return { state, facts: content ? [{ type: 'thought', content }] : [], understood: content !== undefined };
    }
    case 'tool_call':
    case 'tool_call_update':
      return applyToolCall(state, update);
    case 'plan':
      return applyPlan(state, update);
    case 'usage_update': {
      const { amount, currency } = fields(update.cost);
      const next = { ...state, usage: { ...state.usage, costUsd: currency === 'USD' ? count(amount) : state.usage.costUsd } };
      return next.usage.costUsd === state.usage.costUsd ? say() : { state: next, facts: [metricOf(next.usage)], understood: true };
    }
    case 'current_mode_update':
      return say({ type: 'metadata', key: 'mode', value: short(update.currentModeId) });
    case 'session_info_update':
      return text(update.title) ? say({ type: 'metadata', key: 'title', value: short(update.title) }) : say();
    case 'notice':
      return say({ type: 'metadata', key: 'notice', value: short([update.title, update.description].filter(text).join(': ')) });
    default:
      return { ...say(), understood: PASSED_OVER.has(String(update.sessionUpdate)) };
  }
}

/**
 * A tool call is upserted by its id: agents send updates for calls they never announced (gemini), and
 * updates that hold only what changed. The fact always has the title and kind that are known.
 */
export function applyToolCall(state: AcpState, update: Fields): Applied {
  const toolCallId = text(update.toolCallId);
  if (!toolCallId) return { state, facts: [], understood: false };
  const id = short(toolCallId);
  const known = state.toolCalls[id];
  const status = TOOL_STATUSES.find((name) => name === update.status) ?? known?.status;
  const call: OpenToolCall = {
    ...(text(update.title) ? { title: short(update.title) } : known?.title ? { title: known.title } : {}),
    ...(text(update.kind) ? { kind: short(update.kind) } : known?.kind ? { kind: known.kind } : {}),
    ...(status ? { status } : {}),
  };
  const content = update.content ?? update.rawOutput;
  const fact: ToolCallFact = {
    type: 'tool_call', toolCallId: id, ...call,
    ...(content !== undefined && content !== null ? { content } : {}),
    ...(list(update.locations).length ? { locations: update.locations } : {}),
    ...(update.rawInput !== undefined && update.rawInput !== null ? { rawInput: update.rawInput } : {}),
  };
  const { [id]: _old, ...others } = state.toolCalls;
  const kept = Object.entries(others).slice(-(OPEN_TOOL_CALLS_MAX - 1));
  const isOpen = status !== undefined && OPEN_STATUSES.includes(status);
  return { state: { ...state, toolCalls: Object.fromEntries(isOpen ? [...kept, [id, call]] : kept) }, facts: [fact], understood: true };
}

function applyPlan(state: AcpState, update: Fields): Applied {
  if (!Array.isArray(update.entries)) return { state, facts: [], understood: false };
  const entries = update.entries.slice(0, PLAN_ENTRIES_MAX).map(fields).map((entry) => ({
    content: short(entry.content), status: short(entry.status), ...(text(entry.priority) ? { priority: short(entry.priority) } : {}),
  }));
  const more = update.entries.length - entries.length;
  const shown = more > 0 ? [...entries, { content: `… and ${more} more`, status: 'pending' }] : entries;
  const planStep = entries.find(({ status }) => status === 'in_progress')?.content ?? null;
  return { state: { ...state, planStep }, facts: [{ type: 'plan', entries: shown }], understood: true };
}

/** Text of a content block; other blocks are named, so that a reader sees that something was there. */
function textOfContent(value: unknown): string | undefined {
  const block = fields(value);
  if (block.type === 'text') return text(block.text);
  if (block.type === 'resource_link') return `[${short(block.uri)}]`;
  return typeof block.type === 'string' ? `[${short(block.type)}]` : undefined;
}
