/** Entries of the inbox. Past it the oldest read ones are dropped, then the oldest unread; both are counted in `position.json` and in health. */
export const INBOX_ENTRIES_MAX = 10_000;
/** How many are dropped at once when the bound is reached, so that not every notification searches the inbox. */
export const INBOX_DROP_BATCH = 100;

/** UTF-16 units of a title or message in the inbox; a longer one is cut at a character and ends in `…`. The event keeps the whole text. */
export const TEXT_CHARS_MAX = 4_096;

/** How long a position that moved over events which notify nobody may stay in memory; losing it costs reading them again. */
export const POSITION_SAVE_MS = 5_000;

/** Jumps of the position that `position.json` tells; of older ones only the count remains. */
export const JUMPS_KEPT = 20;

/** Wait after a failed attempt to read the feed: doubled from the first to the last, for ever; a reconnect ends it at once. */
export const RETRY_MS_MIN = 100;
export const RETRY_MS_MAX = 2_000;
