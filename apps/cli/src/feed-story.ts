import type { FeedItem } from '@orbitmesh/api-client';
import type { Printer } from './printer.js';

/** A break as the socket tells it, which tells a person nothing. */
const BARE_BREAK = /^closed \(|\bE[A-Z]{4,}\b/;

/** What becomes of a feed, beside what it shows: cut off, live again, gone on from another log. */
export class FeedStory {
  private away = false;

  constructor(private readonly printer: Printer, private cursor?: string) {}

  hear(item: FeedItem): void {
    if (item.type === 'disconnected') this.leave(`(cut off${BARE_BREAK.test(item.reason) ? '' : `: ${item.reason}`}; waiting for it to be back)`);
    else if (item.type === 'degraded') this.leave(`(${item.reason})`);
    else if (item.type === 'subscribed' && item.resume === 'gap') this.back(`(${gapText(this.cursor, item.cursor)}; live again from here)`);
    else if (this.away) this.back(this.cursor === undefined ? '(live)' : '(live again; nothing was missed)');
    if ('cursor' in item) this.cursor = item.cursor;
    else if (item.type === 'event') this.cursor = item.event.cursor;
  }

  private leave(note: string): void {
    if (!this.away) this.printer.note(note);
    this.away = true;
  }

  private back(note: string): void {
    this.printer.note(note);
    this.away = false;
  }
}

function gapText(before: string | undefined, now: string): string {
  if (before === undefined) return 'some events are no longer kept';
  const [[log, seq], [nowLog, nowSeq]] = [partsOf(before), partsOf(now)];
  return log !== nowLog || nowSeq < seq ? 'OrbitMesh was restored: some of what was shown may not have happened there' : 'some events are no longer kept';
}

function partsOf(cursor: string): [logId: string, seq: number] {
  const at = cursor.lastIndexOf('.');
  return [cursor.slice(0, at), Number(cursor.slice(at + 1))];
}
