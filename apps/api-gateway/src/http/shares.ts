import type { Principal } from '../auth/principal.js';

/** Of all places, the part that one token may have. Agents are many, and need a few each. */
const OF_ONE: Readonly<Record<Principal['actor']['kind'], number>> = { admin: 1, user: 1 / 2, agent: 1 / 8 };
/** The part that all tokens but the owner's may have together: the owner always finds a place. */
const OF_ALL_OTHERS = 7 / 8;

/** Places of which there is a number, and who has them: whoever takes what there is to take keeps neither the owner out, nor others alone. */
export class Shares {
  private readonly of = new Map<string, number>();
  private all = 0;
  private others = 0;

  constructor(private readonly max: number) {}

  get taken(): number {
    return this.all;
  }

  hasRoomFor({ actor: { kind }, tokenId }: Principal): boolean {
    if (this.all >= this.max) return false;
    return kind === 'admin' || ((this.of.get(tokenId) ?? 0) < this.max * OF_ONE[kind] && this.others < this.max * OF_ALL_OTHERS);
  }

  /** False: there was none. */
  take(principal: Principal): boolean {
    if (!this.hasRoomFor(principal)) return false;
    this.count(principal, 1);
    return true;
  }

  /** What was taken, once. */
  leave(principal: Principal): void {
    this.count(principal, -1);
  }

  private count({ actor: { kind }, tokenId }: Principal, by: 1 | -1): void {
    const own = (this.of.get(tokenId) ?? 0) + by;
    if (own > 0) this.of.set(tokenId, own);
    else this.of.delete(tokenId);
    this.all += by;
    if (kind !== 'admin') this.others += by;
  }
}
