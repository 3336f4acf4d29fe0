import type { FeedClient } from './feed-client.js';
import type { EventTail } from './event-tail.js';

/** Events after which the token of a session's agent may be worth nothing: it ended, was placed anew, is gone. */
const MAY_END = ['status_change', 'session:updated', 'session:deleted'];

/** Follows the feed for agents' sakes: whose token is to be asked for again (ADR-0029). */
export class TokenWatch {
  private logId: string | undefined;
  private seq = 0;

  constructor(private readonly tail: EventTail) {}

  /** Of these clients, those of agents of whom the feed said something since the last call. */
  affected(clients: Iterable<FeedClient>): FeedClient[] {
    const told = this.told();
    return [...clients].filter(({ principal: { agent } }) => agent !== undefined && (told === 'any' || told.has(agent.sessionId)));
  }

  /** `any`: another log, or more than is in memory. */
  private told(): Set<string> | 'any' {
    const { position } = this.tail;
    const sessions = new Set<string>();
    if (!position) return sessions;
    if (position.logId !== this.logId) return this.jump(position);
    while (this.seq < position.seq) {
      const events = this.tail.after(this.seq);
      if (!events || events.length === 0) return this.jump(position);
      for (const { envelope: { type, sessionId, seq } } of events) {
        if (sessionId !== undefined && MAY_END.includes(type)) sessions.add(sessionId);
        this.seq = seq;
      }
    }
    return sessions;
  }

  private jump({ logId, seq }: { logId: string; seq: number }): 'any' {
    this.logId = logId;
    this.seq = seq;
    return 'any';
  }
}
