import { fields, list, short, text, type Fields } from '../wire/fields.js';
import { APPROVAL_TOOL_CALL_BYTES_MAX, OPEN_TOOL_CALLS_MAX, PLAN_ENTRIES_MAX } from '../wire/wire.limits.js';
import type { DriverFact } from '../driver.js';
import { OPEN_TEXTS_MAX, OUTPUT_TAIL_EVERY_MS, OUTPUT_TAIL_MAX, OUTPUT_TAILS_MAX } from './codex.limits.js';
import { textContent, toolCallOf } from './codex-items.js';
import type { CodexState } from './codex-state.js';
import { countTokens, metricOf } from './codex-usage.js';

/** What a notification comes to: the next state and what is to be said. `understood: false` makes it an unparsed record. */
export interface Applied { state: CodexState; facts: DriverFact[]; understood: boolean }

interface Context {
  workingDir: string;
  sentAtMs: number;
  /** The newest output of each running command: in memory alone, as it may hold a secret. After a crash it begins anew; the whole comes when the command ends. */
  tails: Map<string, string>;
}

/** Asked not to be sent; a version that sends them nevertheless says nothing we need. */
export const UNWANTED = [
  'thread/started', 'thread/readState/changed', 'thread/settings/updated', 'turn/diff/updated', 'remoteControl/status/changed', 'account/rateLimits/updated',
  'account/updated', 'account/login/completed', 'skills/changed', 'app/list/updated', 'fs/changed', 'rawResponseItem/completed', 'rawResponse/completed',
  'thread/goal/updated', 'thread/goal/cleared', 'thread/queue/changed', 'turn/moderationMetadata', 'model/safetyBuffering/updated',
] as const;

/** Nothing that other frames do not say better. */
const PASSED_OVER: ReadonlySet<string> = new Set([
  ...UNWANTED, 'thread/status/changed', 'thread/compacted', 'item/plan/delta', 'item/fileChange/outputDelta', 'item/fileChange/patchUpdated', 'item/mcpToolCall/progress',
  'item/commandExecution/terminalInteraction', 'hook/started', 'hook/completed', 'thread/closed', 'modelProvider/authRecoveryStarted', 'modelProvider/authRecoveryCompleted',
  'item/autoApprovalReview/started', 'item/autoApprovalReview/completed', 'model/verification', 'thread/environment/connected', 'thread/environment/disconnected',
]);

/** One notification that is about no more than what is to be shown; its shape is not trusted. */
export function applyNotification(state: CodexState, method: string, params: Fields, context: Context): Applied {
  const say = (...facts: DriverFact[]): Applied => ({ state, facts, understood: true });
  if (method === 'thread/tokenUsage/updated') {
    const usage = countTokens(state, params);
    return { state: { ...state, usage }, facts: usage.turn === state.usage.turn ? [] : [metricOf(usage, false)], understood: true };
  }
  // What a sub-agent does is its own thread's; of it only questions and tokens concern this run.
  if (text(params.threadId) && params.threadId !== state.threadId) return say();
  switch (method) {
    case 'item/started': return applyItem(state, fields(params.item), false, context);
    case 'item/completed': return applyItem(state, fields(params.item), true, context);
    case 'item/agentMessage/delta': return applyDelta(state, params, (content) => ({ type: 'output', content, stream: 'agent' }));
    case 'item/reasoning/summaryTextDelta':
    case 'item/reasoning/textDelta': return applyDelta(state, params, (content) => ({ type: 'thought', content }));
    case 'item/reasoning/summaryPartAdded': return params.summaryIndex === 0 ? say() : say({ type: 'thought', content: '\n\n' });
    case 'item/commandExecution/outputDelta': return applyOutput(state, params, context);
    case 'turn/plan/updated': return applyPlan(state, params);
    case 'warning': case 'guardianWarning': return say({ type: 'metadata', key: 'warning', value: short(params.message) });
    case 'configWarning': case 'deprecationNotice': return say({ type: 'metadata', key: 'warning', value: [short(params.summary), short(params.details)].filter(Boolean).join(' ') });
    case 'mcpServer/startupStatus/updated':
      return params.status === 'failed' ? say({ type: 'metadata', key: 'mcp', value: `${short(params.name)} did not start: ${short(params.error)}` }) : say();
    case 'model/rerouted': return say({ type: 'metadata', key: 'model', value: `${short(params.toModel)} answers instead of ${short(params.fromModel)}` });
    case 'thread/name/updated': return say({ type: 'metadata', key: 'title', value: short(params.threadName) });
    default: return { ...say(), understood: PASSED_OVER.has(method) };
  }
}

function applyItem(state: CodexState, item: Fields, done: boolean, { workingDir, tails }: Context): Applied {
  if (item.type === 'agentMessage' || item.type === 'reasoning') return done ? completeText(state, item) : { state, facts: [], understood: true };
  const call = toolCallOf(item, done, workingDir);
  if (!call) return { state, facts: [], understood: call === null };
  const { [call.toolCallId]: _old, ...others } = state.toolCalls;
  const kept = Object.entries(others).slice(-(OPEN_TOOL_CALLS_MAX - 1));
  const { title, kind, status } = call;
  const isOpen = status === 'in_progress';
  if (!isOpen) tails.delete(call.toolCallId);
  const next: CodexState = {
    ...state,
    toolCalls: Object.fromEntries(isOpen ? [...kept, [call.toolCallId, { title, kind, status }]] : kept),
    edit: item.type === 'fileChange' ? (isOpen ? editOf(call.toolCallId, call.content) : null) : state.edit,
  };
  return { state: next, facts: [{ type: 'tool_call', ...call }], understood: true };
}

/** Kept for the question about it, where it is small enough to be asked with. */
function editOf(itemId: string, content: unknown): CodexState['edit'] {
  return Buffer.byteLength(JSON.stringify(content ?? null)) <= APPROVAL_TOOL_CALL_BYTES_MAX ? { itemId, content } : null;
}

function applyDelta(state: CodexState, params: Fields, fact: (content: string) => DriverFact): Applied {
  const content = text(params.delta);
  if (content === undefined) return { state, facts: [], understood: false };
  return { state: withText(state, short(params.itemId), (state.texts[short(params.itemId)] ?? 0) + content.length), facts: content ? [fact(content)] : [], understood: true };
}

/** What of a message or a thought did not come piece by piece; a message ends its line, so that the next does not run into it. */
function completeText(state: CodexState, item: Fields): Applied {
  const said = state.texts[short(item.id)] ?? 0;
  const isMessage = item.type === 'agentMessage';
  const whole = isMessage ? text(item.text) ?? '' : [...list(item.summary), ...list(item.content)].filter(text).join('\n\n');
  // A thought's pieces have separators of their own: it is said whole or not at all.
  const rest = isMessage ? whole.slice(said) + (whole.endsWith('\n') || !whole ? '' : '\n') : said ? '' : whole;
  const fact: DriverFact = isMessage ? { type: 'output', content: rest, stream: 'agent' } : { type: 'thought', content: rest };
  return { state: withText(state, short(item.id), null), facts: rest ? [fact] : [], understood: true };
}

function withText(state: CodexState, id: string, said: number | null): CodexState {
  const { [id]: _old, ...others } = state.texts;
  const kept = Object.entries(others).slice(-(OPEN_TEXTS_MAX - 1));
  return { ...state, texts: Object.fromEntries(said === null ? kept : [...kept, [id, said]]) };
}

/** The newest of a running command's output, now and then; nothing of a command that is unknown or over. */
function applyOutput(state: CodexState, params: Fields, { sentAtMs, tails }: Context): Applied {
  const id = short(params.itemId);
  const call = state.toolCalls[id];
  const delta = text(params.delta);
  const shown = Object.keys(state.toolCalls).slice(-OUTPUT_TAILS_MAX);
  const isShown = shown.includes(id);
  if (!call || !isShown || delta === undefined) return { state, facts: [], understood: delta !== undefined };
  const { title, kind, status, saidAt } = call;
  const newest = ((tails.get(id) ?? '') + delta).slice(-OUTPUT_TAIL_MAX).replace(/^[\uDC00-\uDFFF]/, '');
  const isDue = saidAt === undefined || sentAtMs >= saidAt + OUTPUT_TAIL_EVERY_MS;
  for (const other of tails.keys()) if (!shown.includes(other)) tails.delete(other);
  tails.set(id, newest);
  const facts: DriverFact[] = isDue ? [{ type: 'tool_call', toolCallId: id, title, kind, status, content: [textContent(newest)] }] : [];
  return { state: isDue ? { ...state, toolCalls: { ...state.toolCalls, [id]: { ...call, saidAt: sentAtMs } } } : state, facts, understood: true };
}

function applyPlan(state: CodexState, params: Fields): Applied {
  if (!Array.isArray(params.plan)) return { state, facts: [], understood: false };
  const steps = params.plan.map(fields);
  const entries = steps.slice(0, PLAN_ENTRIES_MAX).map(({ step, status }) => ({ content: short(step), status: status === 'inProgress' ? 'in_progress' : short(status) }));
  const more = steps.length - entries.length;
  const shown = more > 0 ? [...entries, { content: `… and ${more} more`, status: 'pending' }] : entries;
  const planStep = entries.find(({ status }) => status === 'in_progress')?.content ?? null;
  return { state: { ...state, planStep }, facts: [{ type: 'plan', entries: shown }], understood: true };
}
