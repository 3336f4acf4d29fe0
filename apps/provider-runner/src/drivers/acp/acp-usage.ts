import { addTokens, NO_TOKENS, type TokenCounts } from '@orbitmesh/domain';
import type { DriverFact } from '../driver.js';
import { count, fields, type Fields } from '../wire/fields.js';

/**
 * The tokens of one turn, from the places agents put them: the result's (unstable) `usage`, or gemini's
 * `_meta.quota.token_count`. Undefined where the answer says nothing.
 */
export function usageOfResult(result: Fields): TokenCounts | undefined {
  const meta = fields(result._meta);
  if (result.usage) return normalise(fields(result.usage));
  const quota = fields(fields(meta.quota).token_count);
  if ('input_tokens' in quota) return { ...NO_TOKENS, tokensIn: count(quota.input_tokens), tokensOut: count(quota.output_tokens), requestCount: 1 };
  return meta.usage ? normalise(fields(meta.usage)) : undefined;
}

/** The tokens of one model request: qwen's `_meta.usage`, on an otherwise empty chunk. */
export function usageOfChunk(update: Fields): TokenCounts | undefined {
  const { usage } = fields(update._meta);
  return usage ? normalise(fields(usage)) : undefined;
}

/**
 * Some agents count cached tokens into `inputTokens` and thoughts into `outputTokens`, some do not; the
 * total tells which: it holds every token once.
 */
function normalise(usage: Fields): TokenCounts {
  const input = count(usage.inputTokens);
  const output = count(usage.outputTokens);
  const thought = count(usage.thoughtTokens);
  const cacheRead = count(usage.cachedReadTokens);
  const cacheWrite = count(usage.cachedWriteTokens);
  const cached = cacheRead + cacheWrite;
  const total = count(usage.totalTokens);
  const cachedIsInput = cached > 0 && total > 0 && total <= input + output + thought && cached <= input;
  const tokensIn = cachedIsInput ? input - cached : input;
  const thoughtIsApart = thought > 0 && total >= tokensIn + cached + output + thought;
  return { tokensIn, tokensOut: thoughtIsApart ? output + thought : output, cacheRead, cacheWrite, reasoning: thought, requestCount: 1 };
}

/** What the agent said of its costs. */
export interface AcpUsage {
  /** The turns that ended. */
  total: TokenCounts;
  /** The chunks of the turn that runs. */
  chunks: TokenCounts;
  /** The conversation's costs as the agent last said them, and as they were when the turn began. Null: it says none. */
  costUsd: number | null;
  costBefore: number;
}

export const NO_USAGE: AcpUsage = { total: NO_TOKENS, chunks: NO_TOKENS, costUsd: null, costBefore: 0 };

/** The run's totals so far; at a turn's end with that turn's part. */
export function metricOf({ total, chunks, costUsd, costBefore }: AcpUsage, turn?: TokenCounts): DriverFact {
  return { type: 'metric', ...addTokens(total, withCost(chunks, costUsd, costBefore)), ...(turn ? { turn } : {}) };
}

/** The turn that ended, and the totals with it. `used`: what its result says, where it says anything. */
export function settleTurn({ total, chunks, costUsd, costBefore }: AcpUsage, used: TokenCounts | undefined, counts: 'turn' | 'session'): { usage: AcpUsage; turn: TokenCounts } {
  // At least one request a turn, also where the agent counts nothing.
  const counted = used && counts === 'session' ? grownBy(total, used) : used ?? (chunks.requestCount ? chunks : { ...NO_TOKENS, requestCount: 1 });
  const turn = withCost({ ...counted, requestCount: Math.max(counted.requestCount, chunks.requestCount) }, costUsd, costBefore);
  return { turn, usage: { total: addTokens(total, turn), chunks: NO_TOKENS, costUsd, costBefore: costUsd ?? 0 } };
}

function withCost(tokens: TokenCounts, costUsd: number | null, costBefore: number): TokenCounts {
  return costUsd === null ? tokens : { ...tokens, costUsd: Math.max(0, costUsd - costBefore) };
}

/** What a count of the whole conversation has grown by. */
function grownBy(total: TokenCounts, now: TokenCounts): TokenCounts {
  const grown = (key: 'tokensIn' | 'tokensOut' | 'cacheRead' | 'cacheWrite' | 'reasoning') => Math.max(0, now[key] - total[key]);
  return { tokensIn: grown('tokensIn'), tokensOut: grown('tokensOut'), cacheRead: grown('cacheRead'), cacheWrite: grown('cacheWrite'), reasoning: grown('reasoning'), requestCount: 1 };
}
