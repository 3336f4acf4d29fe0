/** Attempts of one request in all (design §8); then the last failure is thrown. */
export const ATTEMPTS_MAX = 3;
/** Wait before the second attempt; doubled for the third, with jitter from half to the whole of it. */
export const BACKOFF_MS = 200;
/** And so long at most, where more than that are made: to a server that is expected back. */
export const BACKOFF_MS_MAX = 1_000;
/** A longer Retry-After is not waited out: the failure is thrown with it. */
export const RETRY_AFTER_MS_MAX = 10_000;
/** One attempt: the gateway answers within the 5 s of a request over NATS. */
export const ATTEMPT_MS_MAX = 15_000;
/** A wait for mail is answered within its own timeout and this much more. */
export const MAIL_WAIT_MARGIN_MS = ATTEMPT_MS_MAX;
/** Between connections of a feed: first, doubled each time, and longest. Once it was connected there is no last attempt. */
export const RECONNECT_MS = 100;
export const RECONNECT_MS_MAX = 5_000;
/** Events waiting for a slow reader; at the high mark the socket is not read any more, at the low mark it is again. */
export const QUEUE_EVENTS_HIGH = 1_024;
export const QUEUE_EVENTS_LOW = 128;
/** The same for their bytes on the wire, however few they are. */
export const QUEUE_BYTES_HIGH = 4 * 1024 * 1024;
export const QUEUE_BYTES_LOW = 512 * 1024;
/** A frame of the feed is one event (256 KiB) and its envelope; larger is not ours. */
export const FRAME_BYTES_MAX = 1024 * 1024;
/** The server pings every 15 s; a socket that is silent for longer than three of them is dead. */
export const SILENCE_MS_MAX = 50_000;
/** A server that does not answer our close is left. */
export const CLOSE_GRACE_MS = 500;
