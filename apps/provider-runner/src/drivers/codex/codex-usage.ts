import { addTokens, type RunFact, type TokenCounts } from '@orbitmesh/domain';
import { count, fields, text, type Fields } from '../wire/fields.js';
import { COUNTED_THREADS_MAX } from './codex.limits.js';
import type { CodexState, SeenTokens } from './codex-state.js';

type Tokens = NonNullable<SeenTokens>;
type Usage = CodexState['usage'];
export const NOTHING_SEEN: Tokens = { input: 0, cached: 0, cacheWrite: 0, output: 0, reasoning: 0 };

/**
 * `thread/tokenUsage/updated` counts a thread from its very beginning, over all runs, and comes again
 * with the same numbers; what it says more than the last time is one request of ours. A thread that is
 * gone on with says its old numbers first, for a turn of before.
 */
export function countTokens({ usage, threadId, turn, phase }: CodexState, params: Fields): Usage {
  const thread = text(params.threadId) ?? '';
  const total = tokensIn(fields(params.tokenUsage).total);
  const last = tokensIn(fields(params.tokenUsage).last);
  const before = thread in usage.seen ? usage.seen[thread] : NOTHING_SEEN;
  const seen = { ...Object.fromEntries(Object.entries(usage.seen).filter(([id]) => id !== thread).slice(-(COUNTED_THREADS_MAX - 1))), [thread]: total };
  const isOld = phase !== 'ready' || (before === null && thread === threadId && params.turnId !== turn?.id);
  const used = isOld ? NOTHING_SEEN : before === null ? last : difference(total, before) ?? last;
  if (!Object.values(used).some((tokens) => tokens > 0)) return { ...usage, seen };
  return { ...usage, turn: addTokens(usage.turn, normalised(used)), seen };
}

/** All of this run so far; with `ended`, the part of the turn that ended apart. */
export function metricOf({ total, turn }: Usage, ended: boolean): Extract<RunFact, { type: 'metric' }> {
  return { type: 'metric', ...addTokens(total, turn), ...(ended ? { turn } : {}) };
}

function tokensIn(value: unknown): Tokens {
  const said = fields(value);
  return {
    input: count(said.inputTokens), cached: count(said.cachedInputTokens), cacheWrite: count(said.cacheWriteInputTokens),
    output: count(said.outputTokens), reasoning: count(said.reasoningOutputTokens),
  };
}

/** Undefined where a sum has become smaller: it was begun anew. */
function difference(total: Tokens, before: Tokens): Tokens | undefined {
  const keys = Object.keys(total) as (keyof Tokens)[];
  if (keys.some((key) => total[key] < before[key])) return undefined;
  return Object.fromEntries(keys.map((key) => [key, total[key] - before[key]])) as Tokens;
}

/** Codex counts cached tokens into the input, and what was thought into the output. */
function normalised({ input, cached, cacheWrite, output, reasoning }: Tokens): TokenCounts {
  return { tokensIn: Math.max(0, input - cached - cacheWrite), tokensOut: output, cacheRead: cached, cacheWrite, reasoning, requestCount: 1 };
}
