/** Requests being answered at once; past it 429 with Retry-After. Each holds at most one body of 256 KiB. */
export const REQUESTS_IN_FLIGHT_MAX = 1_024;
/** The same of requests that need no token (health, the API's description): a caller that never reads an answer holds its place until it is cut. */
export const PUBLIC_REQUESTS_MAX = 128;
/** Requests of one connection that wait for their answers (pipelining, which no browser and hardly a library does); past it the connection is cut. Nobody may read them, and an answer is up to 512 KiB. */
export const PIPELINED_MAX = 2;
/** Connections at once: CLIENTS_MAX, MAIL_WAITS_MAX and REQUESTS_IN_FLIGHT_MAX fit, beside STRANGERS_MAX. Past it the oldest stranger goes, else the new one. */
export const CONNECTIONS_MAX = 8_192;
/** The same of one address beyond loopback: it leaves room for others, also where it stands for all behind a proxy. */
export const CONNECTIONS_PER_ADDRESS_MAX = 4_096;
/** Connections on which no valid token was shown; past it the oldest is cut. CLIENTS_MAX that come all at once fit twice. */
export const STRANGERS_MAX = 4_096;
/** The same of one address beyond loopback. */
export const STRANGERS_PER_ADDRESS_MAX = 2_048;
/** Requests a second that can be set as a bound. */
export const REQUEST_RATE_MAX = 100_000;
/** How long a caller may save up: this many seconds' worth of its rate at once. */
export const RATE_BURST_SECONDS = 10;
/** Tokens, and addresses of refused callers, whose rate is remembered; past it the one longest unheard is forgotten, and begins anew. About 100 bytes each. */
export const RATES_KEPT_MAX = 10_000;
/** Waits for mail at once; past it 429. Each holds a connection and one of session-service's 4,096 handlers, so commands always find one. */
export const MAIL_WAITS_MAX = 512;
/** A wait asks session-service anew this often: as long as it may be asked for a client that has hung up. */
export const MAIL_WAIT_SLICE_MS = 5_000;
/** What Retry-After says with 429 and 503, in seconds: NATS reconnects in a quarter of it. */
export const RETRY_AFTER_SECONDS = 1;
/** A path element beyond it never reaches a route; ours end at 64, so that 65 still gets a pointed answer. */
export const PATH_PARAMETER_CHARS_MAX = 1_024;
/** Headers of one request, all together; more is 431. */
export const HEADER_BYTES_MAX = 16 * 1024;
/** A request's head, and all of it, arrives in this time, or its connection ends with 408 (slow-loris); so does one that never says anything. */
export const HEAD_ARRIVAL_MS_MAX = 20_000;
export const REQUEST_ARRIVAL_MS_MAX = 30_000;
/** How often that is looked at. */
export const ARRIVAL_CHECK_MS = 2_000;
/** A connection may be silent this long between two requests. */
export const KEEP_ALIVE_MS = 30_000;
/** An answer of which not a byte is taken for this long is dropped, with its connection. Any of ours begins sooner, unless it is held. */
export const STALLED_MS_MAX = 60_000;
/** A connection whose request was refused before all of it had arrived stays this long for its caller to read why; then it is cut. */
export const REFUSED_LINGER_MS = 2_000;
/** On shutdown requests in flight may take this long to be answered, once clients of the feed have gone (CLOSE_GRACE_MS; the launcher gives a service 1.5 s); then their connections are cut. */
export const DRAIN_MS_MAX = 750;
/** A token is 43 characters and a prefix; an agent's carries a session id as well. */
export const TOKEN_CHARS_MAX = 512;
/** Users' tokens of a home: each is for a person or a program, and they are looked through to list them. */
export const USER_TOKENS_MAX = 1_000;
/** Tickets of one gateway that wait to be used, a small file each: all clients at once, and again. */
export const TICKETS_MAX = 4_096;
/** A ticket is used right after it was asked for, by the page that asked. */
export const TICKET_MS = 30_000;
/** Tokens of live clients are looked at again this often, where no change of their files was seen; agents', whose end the feed tells, less often. */
export const TOKEN_RECHECK_MS = 5_000;
export const AGENT_RECHECK_MS = 15_000;
/** Answers that may be kept in memory only, for repeats under their Idempotency-Key: so many, so long. Clients repeat within seconds. */
export const KEPT_ANSWERS_MAX = 1_024;
export const KEPT_ANSWER_MS = 10 * 60_000;
/** As long as session-service knows an Idempotency-Key. */
export const MADE_BY_MS = 24 * 60 * 60_000;
/** A token file of ours is far smaller; a larger one is not read. */
export const TOKEN_FILE_BYTES_MAX = 4_096;
/** Readiness asks other services; answers younger than this are given again. */
export const READINESS_CACHE_MS = 250;
/** How long readiness waits for another service before it calls it down. */
export const READINESS_TIMEOUT_MS = 1_000;

/** Clients of the feed of one gateway, WebSockets and event streams together; past it they are refused with 503. About 13 KiB of memory each. */
export const CLIENTS_MAX = 2_000;
/** A frame from a client; larger ones close the socket (1009). The largest filter fits. */
export const FRAME_BYTES_MAX = 64 * 1024;
/** Frames of one client waiting to be handled; past it the socket is closed (1008): it does not wait for answers. */
export const INBOX_FRAMES_MAX = 64;
/** Pings and pongs of one client in CLIENT_TICK_MS; past it the socket is closed (1008). It needs one of each in PING_INTERVAL_MS. */
export const CONTROL_FRAMES_MAX = 64;
/** Unsent bytes past which a client is no longer pushed to, and below which it is again: it pages from the log meanwhile. */
export const UNSENT_BYTES_HIGH = 256 * 1024;
export const UNSENT_BYTES_LOW = 64 * 1024;
/** Unsent bytes, or time without coming below the low mark, at which a client is closed with 4008; it resumes by cursor. */
export const UNSENT_BYTES_MAX = 1024 * 1024;
export const LAGGING_MS_MAX = 60_000;
/** What was read for a client that takes nothing is kept so long, in ms; then it is forgotten, and read again for who reads again: a page of the log, as objects, is about 1 MiB. */
export const HOLDING_MS_MAX = 2_000;
/** After any close a client may take this long to read what is still unsent and to answer; then its socket is cut. */
export const SLOW_CLOSE_MS_MAX = 5_000;
/** Pings, and positions of quiet feeds (design §5); two missed pongs end a socket that only looks open. */
export const PING_INTERVAL_MS = 15_000;
export const PINGS_MISSED_MAX = 2;
export const POSITION_INTERVAL_MS = 15_000;
/** A comment goes out on every event stream this often: proxies cut what is silent, often after 30 s or a minute. */
export const STREAM_HEARTBEAT_MS = 10_000;
/** An event stream ends after this long (or up to a quarter sooner), and its client comes back to where it was: so long a dead one can hold a place. */
export const STREAM_MS_MAX = 10 * 60_000;
/** What a stream that ends tells its client to wait before it comes back: about as long as a gateway takes to start. */
export const STREAM_RETRY_MS = 1_000;
/** How often clients are looked after; the resolution of the times above. */
export const CLIENT_TICK_MS = 1_000;
/** After 1001 a client may take this long to close; then its socket is cut. */
export const CLOSE_GRACE_MS = 500;

/** The latest events, kept in memory once for all clients; who needs older ones pages. */
export const RING_EVENTS_MAX = 4_096;
export const RING_BYTES_MAX = 16 * 1024 * 1024;
/** Events a client takes out of that memory at once, and holds while it does not read: no more than a page of the log. */
export const SLICE_EVENTS_MAX = 256;
export const SLICE_BYTES_MAX = 512 * 1024;
/** Clients paging from the log at once; the others wait their turn, so that catch-up does not starve commands. */
export const PAGES_IN_FLIGHT_MAX = 8;
/** A subscription asks so often for its first page when the log has got another name than its gateway knows; then it waits until that has learnt it. */
export const RESUME_PAGES_MAX = 2;
/** Wait before asking again for what a service could not give: first and longest. There is no last attempt. */
export const TAIL_RETRY_MS = 100;
export const TAIL_RETRY_MS_MAX = 2_000;
/** Without a head beacon for this long (four are due) the feed is degraded. */
export const HEAD_STALE_MS = 2_000;
/** Beacons in a row behind us after which the log is another one (restored from a backup), not a late message. */
export const HEADS_BEHIND_MAX = 4;

/** The audit log: bytes of a file, and files that are kept; the oldest goes. About 300,000 entries. */
export const AUDIT_FILE_BYTES_MAX = 4 * 1024 * 1024;
export const AUDIT_FILES_MAX = 32;
/** Entries written one by one of those who could flood it, in a minute: all who show no token that is worth anything, each user as far as it came to nothing, and each agent. The rest is counted. */
export const AUDIT_REFUSED_PER_MINUTE = 120;
export const AUDIT_AGENT_ENTRIES_PER_MINUTE = 240;
/** Entries that wait for a disk which takes none; past it they are lost, and counted. About 4 MiB. */
export const AUDIT_WAITING_MAX = 10_000;
/** Pause before a failed write is tried again, in ms; it never gives up. */
export const AUDIT_RETRY_MS = 1_000;
/** What is kept of an Origin or a User-Agent. */
export const AUDIT_HEADER_CHARS_MAX = 200;
/** Entries of a page that asks for no number. */
export const AUDIT_PAGE_ITEMS = 50;
