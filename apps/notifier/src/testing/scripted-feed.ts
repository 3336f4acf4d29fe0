import { AppError, type EventEnvelope } from '@orbitmesh/domain';
import { SessionRpc, Topics } from '@orbitmesh/contracts';
import type { Bus } from '@orbitmesh/messaging';

/** session-service as notifier sees it: a log, its pages, and messages that a test may drop, repeat or hold back. */
export class ScriptedFeed {
  logId = 'in_test-1';
  /** Names that the log had before, and how far it is theirs. */
  private readonly formerly = new Map<string, number>();
  events: EventEnvelope[] = [];
  pagesAsked = 0;
  /** Pages are answered when this has resolved. */
  hold: Promise<void> = Promise.resolve();
  private base = 0;

  constructor(private readonly bus: Bus) {}

  /** Starts answering pages. */
  async serve(): Promise<void> {
    this.bus.serve(SessionRpc.eventPage, async ({ after, limit }) => {
      const page = this.page(after, limit ?? 50);
      await this.hold;
      return page;
    });
    await this.bus.flush();
  }

  /** Adds events of these types to the log, durable but told to nobody. */
  append(...types: string[]): EventEnvelope[] {
    const added = types.map((type, i) => {
      const seq = this.head + 1 + i;
      return {
        seq, cursor: `${this.logId}.${seq}`, id: `evt_${seq}`, type, timestamp: new Date(1_750_000_000_000 + seq).toISOString(), commitEnd: i === types.length - 1,
        projectId: 'proj_1', sessionId: `sess_${seq % 2}`, data: { title: `title ${seq}`, message: `message ${seq}` },
      };
    });
    this.events.push(...added);
    return added;
  }

  tell(events: EventEnvelope[]): void {
    this.bus.publish(Topics.committed, { logId: this.logId, events });
  }

  say(...types: string[]): void {
    this.tell(this.append(...types));
  }

  beacon(): void {
    this.bus.publish(Topics.head, { logId: this.logId, cursor: `${this.logId}.${this.head}`, seq: this.head });
  }

  /** Forgets the oldest events. */
  compact(count: number): void {
    this.base = this.events[count - 1]?.seq ?? this.base;
    this.events = this.events.slice(count);
  }

  /** Goes on from `seq` under another name: what came after it is lost. */
  restore(logId: string, seq: number): void {
    this.formerly.set(this.logId, seq);
    this.logId = logId;
    this.events = this.events.filter((event) => event.seq <= seq);
  }

  /** Begins the log anew, as after the loss of its directory. */
  restartLog(logId: string): void {
    this.logId = logId;
    this.events = [];
    this.base = 0;
  }

  /** Seqs of what belongs into an inbox. */
  get notifying(): number[] {
    return this.events.filter((event) => event.type.startsWith('notify:')).map((event) => event.seq);
  }

  get head(): number {
    return this.events.at(-1)?.seq ?? this.base;
  }

  private page(after: string | undefined, limit: number): { items: EventEnvelope[]; nextCursor: string } {
    this.pagesAsked += 1;
    const seq = after === undefined ? this.base : Number(after.slice(after.lastIndexOf('.') + 1));
    const name = after?.slice(0, after.lastIndexOf('.')) ?? this.logId;
    const last = name === this.logId ? this.head : this.formerly.get(name) ?? -1;
    if (seq < this.base || seq > last) {
      throw new AppError('CURSOR_GONE', undefined, { oldest: `${this.logId}.${this.base + 1}`, newest: `${this.logId}.${this.head}` });
    }
    const items = this.events.filter((event) => event.seq > seq).slice(0, limit);
    return { items, nextCursor: items.at(-1)?.cursor ?? `${this.logId}.${seq}` };
  }
}
