import { addTokens, NO_TOKENS, type TokenCounts } from '@orbitmesh/domain';
import type { DriverFact } from '../driver.js';
import { count, fields, type Fields } from '../wire/fields.js';
import { NOTHING_COUNTED, type ClaudeState, type Counted } from './claude-state.js';

/**
 * Where a turn's tokens come from. `modelUsage` and `total_cost_usd` count everything since the process
 * began, the agent's own agents and side calls among it, so what a turn used is their growth; `usage` has
 * the main conversation of one result alone. Newer releases go on counting where a continued conversation
 * ended, older ones begin at 0: what there was before is asked for at the start.
 */
type Usage = ClaudeState['usage'];
const FIELDS = ['tokensIn', 'tokensOut', 'cacheRead', 'cacheWrite', 'reasoning', 'costUsd'] as const;

/** The answer to `get_usage`: what was counted before this run. */
export function withCountedBefore(usage: Usage, { session }: Fields): Usage {
  const { model_usage, total_cost_usd } = fields(session);
  return { ...usage, counted: { ...sumOf(fields(model_usage)), costUsd: count(total_cost_usd) } };
}

/** With what a `result` says; several results of one turn add up. */
export function withResult(usage: Usage, result: Fields): Usage {
  const modelUsage = fields(result.modelUsage);
  // Where it counts nothing by model, the result itself is what there is.
  if (Object.keys(modelUsage).length === 0) return { ...usage, turn: addTokens(usage.turn, ofRequest(fields(result.usage))) };
  const counted: Counted = { ...sumOf(modelUsage), costUsd: count(result.total_cost_usd) };
  return { ...usage, counted, turn: addTokens(usage.turn, { ...difference(counted, usage.counted), requestCount: 0 }) };
}

/** A model request of the main conversation begins: its input is known. */
export function withRequest(usage: Usage, message: Fields): Usage {
  return { ...usage, request: { ...ofRequest(fields(message.usage)), tokensOut: 0, requestCount: 1 } };
}

/** … and ends: now its output is. */
export function withAnswer(usage: Usage, { output_tokens, output_tokens_details }: Fields): Usage {
  const answer = { ...NO_TOKENS, tokensOut: count(output_tokens), reasoning: count(fields(output_tokens_details).thinking_tokens) };
  return { ...usage, live: addTokens(usage.live, addTokens(usage.request, answer)), request: NO_TOKENS };
}

/** A message of one of the agent's own agents: one request a message, whose tokens the result has. */
export function withNestedMessage(usage: Usage, messageId: string): Usage {
  return usage.nested === messageId ? usage : { ...usage, nested: messageId, live: addTokens(usage.live, { ...NO_TOKENS, requestCount: 1 }) };
}

/** The turn is over: what it used, and the whole. At least one request, also where the model never answered. */
export function withTurnEnded(usage: Usage): { usage: Usage; fact: DriverFact } {
  const used = larger(usage.turn, usage.live);
  const turn = { ...used, requestCount: Math.max(1, used.requestCount) };
  const total = addTokens(usage.total, turn);
  return { usage: { ...usage, total, turn: NO_TOKENS, live: NO_TOKENS, request: NO_TOKENS, nested: null }, fact: { type: 'metric', ...total, turn } };
}

/** So far, in the middle of a turn. */
export function metricSoFar({ total, turn, live }: Usage): DriverFact {
  return { type: 'metric', ...addTokens(total, larger(turn, live)) };
}

function sumOf(modelUsage: Fields): Counted {
  return Object.values(modelUsage).map(fields).reduce<Counted>((sum, model) => ({
    tokensIn: sum.tokensIn + count(model.inputTokens), tokensOut: sum.tokensOut + count(model.outputTokens),
    cacheRead: sum.cacheRead + count(model.cacheReadInputTokens), cacheWrite: sum.cacheWrite + count(model.cacheCreationInputTokens),
    reasoning: sum.reasoning + count(model.thinkingTokens), costUsd: sum.costUsd,
  }), NOTHING_COUNTED);
}

/** One that is smaller than before has been begun anew. */
function difference(now: Counted, before: Counted): Counted {
  const anew = FIELDS.some((field) => now[field] < before[field]);
  return anew ? now : Object.fromEntries(FIELDS.map((field) => [field, now[field] - before[field]])) as Counted;
}

function ofRequest(usage: Fields): Omit<TokenCounts, 'costUsd'> {
  return {
    tokensIn: count(usage.input_tokens), tokensOut: count(usage.output_tokens), cacheRead: count(usage.cache_read_input_tokens),
    cacheWrite: count(usage.cache_creation_input_tokens), reasoning: count(fields(usage.output_tokens_details).thinking_tokens), requestCount: 0,
  };
}

/** Field by field: what was said meanwhile stays true, and the results know of more. */
function larger(a: TokenCounts, b: TokenCounts): TokenCounts {
  const costUsd = Math.max(a.costUsd ?? 0, b.costUsd ?? 0);
  return {
    tokensIn: Math.max(a.tokensIn, b.tokensIn), tokensOut: Math.max(a.tokensOut, b.tokensOut), cacheRead: Math.max(a.cacheRead, b.cacheRead),
    cacheWrite: Math.max(a.cacheWrite, b.cacheWrite), reasoning: Math.max(a.reasoning, b.reasoning), requestCount: Math.max(a.requestCount, b.requestCount),
    ...(costUsd > 0 ? { costUsd } : {}),
  };
}
