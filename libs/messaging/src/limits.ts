import { NATS_PAYLOAD_BYTES_MIN } from '@orbitmesh/contracts';

/** Room for our headers (trace id, error mark) in a message of NATS_PAYLOAD_BYTES_MIN. */
export const HEADER_BYTES_RESERVED = 4 * 1024;
/**
 * The largest JSON body we send, whatever the server would take, so that every deployment has the same bound.
 * Past it: a request is BODY_TOO_LARGE at the caller, an answer becomes INTERNAL and is logged, a publish throws.
 */
export const MESSAGE_BYTES_MAX = NATS_PAYLOAD_BYTES_MIN - HEADER_BYTES_RESERVED;

/** Handlers of one process running at once; past it the caller gets TOO_MANY_REQUESTS (retryable). */
export const HANDLERS_IN_FLIGHT_MAX = 4_096;
/** Bytes of the requests that they were given, all together; past it the same. A batch of facts is 512 KiB: 128 of them are enough for one process. */
export const HANDLERS_BYTES_MAX = 64 * 1024 * 1024;
/**
 * Bytes published that the server has not been seen to take: the client would keep them without a bound while it is frozen, for
 * the 6 s until that is noticed. Past it a publish is given up, as without a connection.
 */
export const UNCONFIRMED_BYTES_MAX = 16 * 1024 * 1024;
/** It is asked, by a ping, after so many. */
export const CONFIRM_BYTES = 1024 * 1024;

/** Wait between attempts to reconnect, and its jitter; there is no last attempt (design §2). */
export const RECONNECT_WAIT_MS = 250;
export const RECONNECT_JITTER_MS = 100;

/** A server that is not there is told of after so many attempts (some 3 s: services may start before it), and then each time so many later (half a minute). */
export const TELL_AFTER_ATTEMPTS = 10;
export const TELL_EVERY_ATTEMPTS = 100;

/** An attempt to connect is given up after this long: a frozen server takes connections and says nothing. */
export const CONNECT_TIMEOUT_MS = 5_000;

/** A server that answers no ping for this x 3 is gone (the library's default would take 6 minutes to notice); until then each request waits out its time. */
export const PING_INTERVAL_MS = 2_000;
export const PINGS_OUT_MAX = 2;

/** Whoever was asked has been restarted: what it has not answered so long after its first word is lost with the process before it. */
export const PEER_GONE_MS = 500;

/** Sendings of one request: a first one that does not know the other's clock, one that knows it, and one for a restart in between; then UNAVAILABLE. */
export const SENDINGS_MAX = 3;

/** How long a drain waits for handlers in flight; what is left then is cut off and logged. */
export const DRAIN_TIMEOUT_MS = 5_000;
