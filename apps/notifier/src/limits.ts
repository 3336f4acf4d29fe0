/** Entries of the inbox. Past it the oldest read ones are dropped, then the oldest unread; both are counted in `position.json` and in health. */
export const INBOX_ENTRIES_MAX = 10_000;
/** How many are dropped at once when the bound is reached, so that not every notification searches the inbox. */
export const INBOX_DROP_BATCH = 100;

/** JSON of the documents of one commit; what needs more is several. Half of what the store takes (8 MiB), so that answers and bookkeeping fit. */
export const COMMIT_BYTES_MAX = 4 * 1024 * 1024;

/** UTF-16 units of a title or message in the inbox; a longer one is cut at a character and ends in `…`. The event keeps the whole text. */
export const TEXT_CHARS_MAX = 4_096;

/** How long a position that moved over events which notify nobody may stay in memory; losing it costs reading them again. */
export const POSITION_SAVE_MS = 5_000;

/** Jumps of the position that `position.json` tells; of older ones only the count remains. */
export const JUMPS_KEPT = 20;

/** Wait after a failed attempt to read the feed: doubled from the first to the last, for ever; a reconnect ends it at once. */
export const RETRY_MS_MIN = 100;
export const RETRY_MS_MAX = 2_000;

/** Webhooks; one more is LIMIT_REACHED. Every notification becomes a document for each that wants it. */
export const WEBHOOKS_MAX = 50;
/** Deliveries of one webhook that wait; one more and the oldest is parked (`queue_full`) and counted. A user's own test or retry is refused with LIMIT_REACHED. */
export const PENDING_PER_WEBHOOK_MAX = 500;
/** Deliveries of one webhook that are kept, whatever their state; past it the oldest delivered are dropped, then the oldest parked, which is counted. */
export const DELIVERIES_PER_WEBHOOK_MAX = 1_000;
/** Bytes that a delivery's document has beside the notification: ids, times, a URL's error; for the size of a commit. */
export const DELIVERY_OWN_BYTES = 1_536;

/** Wait after the first failed attempt, the second …, ms: 8 attempts in about an hour. Three times longer each, so that a receiver's restart costs seconds. */
export const RETRY_DELAYS_MS: readonly number[] = [5_000, 15_000, 45_000, 135_000, 405_000, 1_215_000, 1_800_000];
/** Each wait is this much shorter or longer, at random, so that receivers that failed together are not all asked together. */
export const RETRY_JITTER = 0.2;
/** A longer `Retry-After` counts as this, ms. No wait of ours is longer, so a time further ahead means that the clock was set back: due now. */
export const RETRY_AFTER_MS_MAX = 3_600_000;
/** For so many attempts a failing delivery keeps its place and those behind it wait (about 20 s: order survives a receiver's restart); then they go on, so that one that is never taken holds up nobody. */
export const ATTEMPTS_IN_ORDER = 3;
/** An endpoint must answer within this, ms; a person may be waiting for the next one. */
export const ATTEMPT_MS_MAX = 10_000;
/** Requests to endpoints at once, one a webhook; past it webhooks take turns. */
export const ATTEMPTS_IN_FLIGHT_MAX = 16;
/** Bytes of an endpoint's answer that are read and thrown away, so that it may end it; then the connection is cut. */
export const ANSWER_BYTES_MAX = 64 * 1024;
/** What came of an attempt is tried to be written again after this, ms, for ever: sending it once more is the worse way. */
export const RECORD_RETRY_MS = 1_000;
/** Longest sleep before the queues are looked at again, ms: whatever is done to the wall clock. */
export const LOOK_AGAIN_MS = 60_000;
/** On shutdown requests on their way may end within this, ms (the launcher gives a service 1.5 s); those that are cut are sent again after the start. */
export const SHUTDOWN_GRACE_MS = 500;

/** Its store is looked at this often, in ms, also when nobody asks how the notifier is. */
export const HEALTH_MS = 1_000;
