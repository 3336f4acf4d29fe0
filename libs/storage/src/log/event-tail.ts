import type { StoredEvent } from './log-record.js';

/** The most recent events in memory, without a gap, so that a page near the head needs no disk. */
export class EventTail {
  private events: StoredEvent[] = [];
  /** Position of the oldest in `events`: what is before it is dropped from time to time. */
  private start = 0;
  private bytes = 0;

  constructor(private readonly bytesMax: number) {}

  push(event: StoredEvent): void {
    const newest = this.events.at(-1);
    // A damaged record left a gap: what is before it can only be read from the log.
    if (newest !== undefined && event.envelope.seq !== newest.envelope.seq + 1) this.clear();
    this.events.push(event);
    this.bytes += event.bytes;
    while (this.bytes > this.bytesMax && this.start < this.events.length - 1) {
      this.bytes -= this.events[this.start].bytes;
      this.start += 1;
    }
    if (this.start > 1_024 && this.start * 2 > this.events.length) {
      this.events = this.events.slice(this.start);
      this.start = 0;
    }
  }

  /** Events with a larger seq than `after`, or undefined when some of them are no longer here. */
  after(after: number): Iterable<StoredEvent> | undefined {
    const oldest = this.events[this.start]?.envelope.seq;
    if (oldest === undefined || after + 1 < oldest) return undefined;
    return this.from(this.start + (after + 1 - oldest));
  }

  private *from(position: number): Generator<StoredEvent> {
    // The array may be replaced while a reader waits between two events; a reader never does here.
    for (let at = position; at < this.events.length; at += 1) yield this.events[at];
  }

  private clear(): void {
    this.events = [];
    this.start = 0;
    this.bytes = 0;
  }
}
