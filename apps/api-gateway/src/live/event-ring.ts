import type { EventEnvelope } from '@orbitmesh/domain';
import { RING_BYTES_MAX, RING_EVENTS_MAX, SLICE_BYTES_MAX, SLICE_EVENTS_MAX } from '../limits.js';

const FRAME_HEAD = '{"type":"event","event":';

/** An event with the frame that carries it: serialised once, for all clients. */
export class LiveEvent {
  private bytes: Buffer | undefined;

  constructor(readonly envelope: EventEnvelope) {}

  get frame(): Buffer {
    return this.bytes ??= Buffer.from(`${FRAME_HEAD}${JSON.stringify(this.envelope)}}`);
  }

  /** The envelope alone, on one line: the frame's own bytes, not a copy. */
  get json(): Buffer {
    return this.frame.subarray(FRAME_HEAD.length, -1);
  }
}

/** The latest events, contiguous by seq, within its bounds; older ones are in the log. */
export class EventRing {
  private events: LiveEvent[] = [];
  private bytes = 0;

  constructor(private readonly eventsMax = RING_EVENTS_MAX, private readonly bytesMax = RING_BYTES_MAX) {}

  /** @param event must follow the last one */
  append(event: LiveEvent): void {
    this.events.push(event);
    this.bytes += event.frame.length;
    if (this.events.length > this.eventsMax || this.bytes > this.bytesMax) this.shrink();
  }

  clear(): void {
    this.events = [];
    this.bytes = 0;
  }

  /** The first events after `seq`, within the bounds of a slice; null when some of those after it are no longer here. */
  after(seq: number): LiveEvent[] | null {
    if (this.events.length === 0) return null;
    const first = this.events[0].envelope.seq;
    if (seq < first - 1) return null;
    const from = seq - first + 1;
    let [to, bytes] = [from, 0];
    while (to < this.events.length && to - from < SLICE_EVENTS_MAX && bytes < SLICE_BYTES_MAX) bytes += this.events[to++].frame.length;
    return this.events.slice(from, to);
  }

  /** Drops a quarter at once: dropping one by one would move the array with every event. */
  private shrink(): void {
    const dropped = this.events.splice(0, Math.ceil(this.events.length / 4));
    for (const event of dropped) this.bytes -= event.frame.length;
  }
}
