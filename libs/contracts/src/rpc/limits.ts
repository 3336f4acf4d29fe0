/** An ordinary request: design §2. At the bound the caller gets TIMEOUT (503). */
export const REQUEST_TIMEOUT_MS = 5_000;
/** A runner's look at a directory: it is within a spawn, which has REQUEST_TIMEOUT_MS in all. */
export const DIRECTORY_TIMEOUT_MS = 2_000;
/** One wait for mail at session-service; a longer one is several of them, so that one that died is noticed soon. */
export const MAIL_WAIT_MS_MAX = 5_000;
export const MAIL_WAIT_TIMEOUT_MS = MAIL_WAIT_MS_MAX + REQUEST_TIMEOUT_MS;
/** A page, a batch of events or facts: half of what NATS carries (1 MiB), so that an envelope always fits. */
export const PAGE_BYTES_MAX = 512 * 1024;
/** Items of one page (design §6). */
export const PAGE_ITEMS_MAX = 200;
export const PAGE_ITEMS_DEFAULT = 50;
/** What NATS must carry in one message; boot refuses a server with less. */
export const NATS_PAYLOAD_BYTES_MIN = 1024 * 1024;
/** One document, one fact, one event, one HTTP body, as JSON. */
export const DOCUMENT_BYTES_MAX = 256 * 1024;
export const EVENT_BYTES_MAX = 256 * 1024;
export const HTTP_BODY_BYTES_MAX = 256 * 1024;
export const MANIFEST_BYTES_MAX = 512 * 1024;
/** Facts in one batch to session-service (with PAGE_BYTES_MAX). */
export const FACTS_BATCH_MAX = 256;
/** The feed's head is published this often, so that a lost last event is noticed. */
export const HEAD_BEACON_MS = 500;
export const HEARTBEAT_MS = 2_000;
export const LEASE_MS = 30_000;
/** For one service to tell what it counts: a scrape waits for 10 s at most, and asks all at once after it has asked who there is. */
export const METRICS_TIMEOUT_MS = 2_000;
