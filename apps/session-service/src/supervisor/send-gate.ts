import { SENDS_MAX, SENDS_PER_RUNNER_MAX } from '../limits.js';

/** Bounds the messages in flight, to each runner and in all: a runner that hangs must not hold up the others. */
export class SendGate {
  private readonly byRunner = new Map<string, number>();
  private total = 0;

  /** False when it is full; the caller comes again at a later tick. */
  enter(runnerId: string): boolean {
    const own = this.byRunner.get(runnerId) ?? 0;
    if (this.total >= SENDS_MAX || own >= SENDS_PER_RUNNER_MAX) return false;
    this.byRunner.set(runnerId, own + 1);
    this.total += 1;
    return true;
  }

  leave(runnerId: string): void {
    const own = this.byRunner.get(runnerId)! - 1;
    if (own === 0) this.byRunner.delete(runnerId);
    else this.byRunner.set(runnerId, own);
    this.total -= 1;
  }
}
