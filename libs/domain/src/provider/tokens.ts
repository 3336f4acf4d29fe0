/**
 * What a turn or a run cost, in one vocabulary for all agents: `tokensIn` leaves out what came from the
 * cache or went into it, `reasoning` is the part of `tokensOut` that was only thought. `costUsd` is
 * absent where the agent says no price.
 */
export interface TokenCounts {
  tokensIn: number;
  tokensOut: number;
  cacheRead: number;
  cacheWrite: number;
  reasoning: number;
  requestCount: number;
  costUsd?: number;
}

export const NO_TOKENS: Readonly<TokenCounts> = { tokensIn: 0, tokensOut: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0, requestCount: 0 };

/** What a session begins with. */
export const NO_METRICS: Readonly<Required<TokenCounts>> = { ...NO_TOKENS, costUsd: 0 };

export function addTokens(a: Readonly<TokenCounts>, b: Readonly<TokenCounts>): TokenCounts {
  const costUsd = a.costUsd === undefined && b.costUsd === undefined ? undefined : (a.costUsd ?? 0) + (b.costUsd ?? 0);
  return {
    tokensIn: a.tokensIn + b.tokensIn, tokensOut: a.tokensOut + b.tokensOut, cacheRead: a.cacheRead + b.cacheRead,
    cacheWrite: a.cacheWrite + b.cacheWrite, reasoning: a.reasoning + b.reasoning, requestCount: a.requestCount + b.requestCount,
    ...(costUsd === undefined ? {} : { costUsd }),
  };
}
