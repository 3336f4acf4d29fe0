import { Inject, Injectable } from '@nestjs/common';
import { AppError, type ErrorCode } from '@orbitmesh/domain';
import { Metrics } from '@orbitmesh/service-kit';
import type { Principal } from '../auth/principal.js';
import { GatewayConfig } from '../gateway.config.js';
import { networkOf } from './addresses.js';
import { TokenBuckets } from './token-buckets.js';

/** What somebody gets who may not come in at all. */
const TURNED_AWAY: readonly ErrorCode[] = ['UNAUTHENTICATED', 'HOST_NOT_ALLOWED', 'ORIGIN_NOT_ALLOWED'];

/**
 * How often one may ask. Whoever has a token is counted by it; who is turned away is counted by address, and all that this changes
 * is what the next refusal says: a valid token is never refused because of another's failures, whatever address they share.
 */
@Injectable()
export class Rates {
  private readonly of: Readonly<Record<Principal['actor']['kind'], TokenBuckets>>;
  private readonly turnedAway: TokenBuckets;

  constructor(@Inject(GatewayConfig) config: GatewayConfig, @Inject(Metrics) private readonly metrics: Metrics) {
    this.of = { admin: new TokenBuckets(config.adminRate), user: new TokenBuckets(config.userRate), agent: new TokenBuckets(config.agentRate) };
    this.turnedAway = new TokenBuckets(config.refusedRate);
  }

  /** One request, or one frame that asks for something. @throws TOO_MANY_REQUESTS */
  take({ actor: { kind }, tokenId }: Principal): void {
    if (this.of[kind].take(tokenId)) return;
    this.metrics.count('orbitmesh_rate_limited_total', 'Requests refused because there were too many of their kind.', { of: kind });
    throw new AppError('TOO_MANY_REQUESTS');
  }

  /** What the refusal becomes: itself, or that there were too many. */
  refused(error: unknown, address: string | undefined): unknown {
    if (!(error instanceof AppError) || !TURNED_AWAY.includes(error.code) || this.turnedAway.take(networkOf(address ?? ''))) return error;
    this.metrics.count('orbitmesh_rate_limited_total', 'Requests refused because there were too many of their kind.', { of: 'refused' });
    return new AppError('TOO_MANY_REQUESTS');
  }
}
