import { once } from 'node:events';
import type { EventEnvelope } from '@orbitmesh/domain';
import { assertEvent, eventually, schemaProblem } from '@orbitmesh/testing';
import WebSocket from 'ws';

export interface Filter { sessionIds?: string[]; projectId?: string; taskIds?: string[]; types?: string[] }
interface Frame { type: string; event?: EventEnvelope; resume?: string; cursor?: string; code?: string }

/** A WebSocket client that keeps every frame in the order of arrival. */
export class Feed {
  readonly frames: Frame[] = [];

  private checked = 0;
  /** What was wrong with a frame. */
  private odd: string | null = null;

  private constructor(private readonly socket: WebSocket) {
    socket.on('message', (bytes: Buffer) => this.take(JSON.parse(bytes.toString()) as Frame));
    // A service that is killed takes its sockets with it; whoever cares looks at `closed`.
    socket.on('error', () => undefined);
  }

  static async open(stack: { url: string; token: string }, subscription: { filter?: Filter; after?: string } = {}): Promise<Feed> {
    const socket = new WebSocket(`${stack.url.replace('http', 'ws')}/ws`, { headers: { authorization: `Bearer ${stack.token}` } });
    const feed = new Feed(socket);
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'subscribe', ...subscription }));
    await eventually(() => feed.subscribed, { what: 'an answer to subscribe' });
    return feed;
  }

  private take(frame: Frame): void {
    this.frames.push(frame);
    this.odd ??= schemaProblem('ServerFrame', frame);
  }

  get subscribed(): Frame | undefined {
    return this.frames.find((frame) => frame.type === 'subscribed');
  }

  /** @throws for one that is not as docs/events.md says */
  get events(): EventEnvelope[] {
    const events = this.frames.flatMap((frame) => (frame.event ? [frame.event] : []));
    if (this.odd !== null) throw new Error(`A frame is not as docs/events.md says: ${this.odd}`);
    for (const event of events.slice(this.checked)) assertEvent(event);
    this.checked = events.length;
    return events;
  }

  get closed(): boolean {
    return this.socket.readyState === WebSocket.CLOSED;
  }

  /** Waits until such an event has come. */
  async until(matches: (event: EventEnvelope) => boolean, what: string, timeoutMs = 60_000): Promise<EventEnvelope> {
    return eventually(() => this.events.find(matches), { what, timeoutMs });
  }

  async close(): Promise<void> {
    if (this.closed) return;
    const gone = once(this.socket, 'close');
    this.socket.close();
    await gone;
  }
}

/** Every event after a cursor, page by page, as a client that has no WebSocket. @throws for one that is not as docs/events.md says */
export async function pageAll(get: (path: string) => Promise<unknown>, after?: string): Promise<EventEnvelope[]> {
  const all: EventEnvelope[] = [];
  let cursor = after;
  for (;;) {
    const query = cursor === undefined ? '' : `?after=${encodeURIComponent(cursor)}`;
    const page = await get(`/api/events${query}`) as { items: EventEnvelope[]; nextCursor: string };
    if (page.items.length === 0) return all;
    page.items.forEach(assertEvent);
    all.push(...page.items);
    cursor = page.nextCursor;
  }
}

/** The numbers of the lines that a demo agent counts, as its session's output has them. */
export function countedLines(events: readonly EventEnvelope[], sessionId: string): number[] {
  const text = events.filter((event) => event.sessionId === sessionId && event.type === 'output')
    .map((event) => (event.data as { content: string }).content).join('');
  return [...text.matchAll(/numbered (\d+)\/\d+/g)].map((match) => Number(match[1]));
}
