import { JUMPS_KEPT } from '../limits.js';

/** A place in session-service's feed. */
export interface FeedPlace { logId: string; seq: number; cursor: string }

/** A jump that was no step: what lies between was not seen here. */
export interface Jump { at: string; from: FeedPlace | null; reason: string; oldest: string | null; newest: string | null }

/** `position.json`: how far the feed was read, and what did not go as usual. */
export interface Position {
  id: 'position';
  /** null: nothing read yet, or (after a jump) the oldest event that is kept comes next. */
  place: FeedPlace | null;
  /** The newest JUMPS_KEPT, oldest first. */
  jumps: Jump[];
  jumpCount: number;
  droppedRead: number;
  droppedUnread: number;
  updatedAt: string;
  revision: number;
}

export function startOf(now: string): Position {
  return { id: 'position', place: null, jumps: [], jumpCount: 0, droppedRead: 0, droppedUnread: 0, updatedAt: now, revision: 0 };
}

export function moved(position: Position, place: FeedPlace, dropped: { read: number; unread: number }, now: string): Position {
  return {
    ...position, place, droppedRead: position.droppedRead + dropped.read, droppedUnread: position.droppedUnread + dropped.unread,
    updatedAt: now, revision: position.revision + 1,
  };
}

export function jumped(position: Position, jump: Jump): Position {
  return {
    ...position, place: null, jumps: [...position.jumps, jump].slice(-JUMPS_KEPT), jumpCount: position.jumpCount + 1,
    updatedAt: jump.at, revision: position.revision + 1,
  };
}

export function samePlace(a: FeedPlace | null, b: FeedPlace | null): boolean {
  return a?.logId === b?.logId && a?.seq === b?.seq;
}
