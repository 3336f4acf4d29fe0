import type { DecideContext } from '../kernel/context.js';
import { evolve } from './evolve.js';
import type { Mail } from '../work/mail.js';
import type { Session } from './session.js';
import type { SessionChange } from './session-change.js';

/** A decision while it is made: each change is folded at once, so that the next rule sees it. */
export class Decision {
  readonly changes: SessionChange[] = [];

  /** @param mail queued for the session, oldest first */
  constructor(private folded: Session, readonly ctx: DecideContext, private queued: readonly Mail[] = []) {}

  get session(): Session {
    return this.folded;
  }

  /** What is still queued: what the agent got in this very decision is not. */
  get mail(): readonly Mail[] {
    return this.queued;
  }

  get now(): string {
    return this.ctx.now;
  }

  record(change: SessionChange): void {
    this.folded = evolve(this.folded, change);
    this.changes.push(change);
    if (change.type === 'input_settled' && change.delivered && change.mailIds) {
      const { mailIds } = change;
      this.queued = this.queued.filter(({ id }) => !mailIds.includes(id));
    }
  }
}
