import { count, fields, type Fields } from '../wire/fields.js';

/** Normalised: `tokensIn` leaves cached tokens out, thoughts count as output. */
export interface TokenTotals {
  tokensIn: number;
  tokensOut: number;
  cacheRead: number;
  cacheWrite: number;
  requestCount: number;
}

export function addTokens(a: TokenTotals, b: TokenTotals): TokenTotals {
  return {
    tokensIn: a.tokensIn + b.tokensIn, tokensOut: a.tokensOut + b.tokensOut, cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite, requestCount: a.requestCount + b.requestCount,
  };
}

/**
 * The tokens of one turn, from the places agents put them: the result's (unstable) `usage`, or gemini's
 * `_meta.quota.token_count`. Undefined where the answer says nothing.
 */
export function usageOfResult(result: Fields): TokenTotals | undefined {
  const meta = fields(result._meta);
  if (result.usage) return normalise(fields(result.usage));
  const quota = fields(fields(meta.quota).token_count);
  if ('input_tokens' in quota) return { tokensIn: count(quota.input_tokens), tokensOut: count(quota.output_tokens), cacheRead: 0, cacheWrite: 0, requestCount: 1 };
  return meta.usage ? normalise(fields(meta.usage)) : undefined;
}

/** The tokens of one model request: qwen's `_meta.usage`, on an otherwise empty chunk. */
export function usageOfChunk(update: Fields): TokenTotals | undefined {
  const { usage } = fields(update._meta);
  return usage ? normalise(fields(usage)) : undefined;
}

/**
 * Some agents count cached tokens into `inputTokens` and thoughts into `outputTokens`, some do not; the
 * total tells which: it holds every token once.
 */
function normalise(usage: Fields): TokenTotals {
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
  return { tokensIn, tokensOut: thoughtIsApart ? output + thought : output, cacheRead, cacheWrite, requestCount: 1 };
}
