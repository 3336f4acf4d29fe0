import type { DecideContext } from '../kernel/context.js';
import { evolve } from './evolve.js';
import type { Mail } from '../work/mail.js';
import type { Session } from './session.js';
import type { SessionChange } from './session-change.js';

/** A decision while it is made: each change is folded at once, so that the next rule sees it. */
export class Decision {
  readonly changes: SessionChange[] = [];

  /** @param mail queued for the session, oldest first */
  constructor(private folded: Session, readonly ctx: DecideContext, readonly mail: readonly Mail[] = []) {}

  get session(): Session {
    return this.folded;
  }

  get now(): string {
    return this.ctx.now;
  }

  record(change: SessionChange): void {
    this.folded = evolve(this.folded, change);
    this.changes.push(change);
  }
}
