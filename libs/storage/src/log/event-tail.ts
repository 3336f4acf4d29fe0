import type { StoredEvent } from './log-record.js';

/** The most recent events in memory, without a gap, so that a page near the head needs no disk. */
export class EventTail {
  /** By seq; a Map, because what is dropped from it is let go of at once. */
  private readonly events = new Map<number, StoredEvent>();
  private oldest = 0;
  private newest = 0;
  private bytes = 0;

  constructor(private readonly bytesMax: number) {}

  push(event: StoredEvent): void {
    const { seq } = event.envelope;
    // A damaged record left a gap: what is before it can only be read from the log.
    if (seq !== this.newest + 1) this.clear();
    if (this.events.size === 0) this.oldest = seq;
    this.newest = seq;
    this.events.set(seq, event);
    this.bytes += event.bytes;
    for (; this.bytes > this.bytesMax && this.oldest < this.newest; this.oldest += 1) {
      this.bytes -= this.events.get(this.oldest)!.bytes;
      this.events.delete(this.oldest);
    }
  }

  /** Events with a larger seq than `after`, or undefined when some of them are no longer here. */
  after(after: number): Iterable<StoredEvent> | undefined {
    return this.events.size === 0 || after + 1 < this.oldest ? undefined : this.from(after + 1);
  }

  /** An event that is dropped while a reader waits between two would end it early; a reader never does here. */
  private *from(seq: number): Generator<StoredEvent> {
    for (let event = this.events.get(seq); event !== undefined; event = this.events.get(event.envelope.seq + 1)) yield event;
  }

  private clear(): void {
    this.events.clear();
    this.bytes = 0;
  }
}
