/** Bounds of what a client may send; at each of them the answer is 400 VALIDATION_FAILED with a pointer. */

/** A name or title: what a person reads on one line. */
export const NAME_CHARS_MAX = 200;
/** A description, a system prompt, an input, a report; the body's 256 KiB bound them all together. */
export const TEXT_CHARS_MAX = 100_000;
/** A reason or an answer's remark. */
export const REASON_CHARS_MAX = 2_000;
/** PATH_MAX of Linux. */
export const PATH_CHARS_MAX = 4_096;
/** Tasks of one session (design §4.3). */
export const SESSION_TASKS_MAX = 20;
/** Acceptance criteria and dependencies of a task. */
export const TASK_LIST_MAX = 100;
/** Entries of `environment`, `secrets` and a server's `env`: far below the 128 KiB that Linux allows one string of them. */
export const MAP_ENTRIES_MAX = 100;
export const MAP_KEY_CHARS_MAX = 128;
export const MAP_VALUE_CHARS_MAX = 32_000;
export const MCP_SERVERS_MAX = 20;
export const MCP_ARGS_MAX = 100;
/** `custom`: what a driver reads of its own; small by intent. */
export const CUSTOM_DEPTH_MAX = 8;
export const CUSTOM_BYTES_MAX = 64 * 1024;
/** A mail's body, characters; its bytes are bounded apart (MAIL_BODY_BYTES_MAX of the domain). */
export const MAIL_BODY_CHARS_MAX = 64_000;
/** `?timeout` of a wait for mail, seconds: below what proxies cut, and what a client's own attempt may take. */
export const MAIL_WAIT_SECONDS_MAX = 60;
export const MAIL_WAIT_SECONDS_DEFAULT = 25;
/** Entries of a team member's lists, and characters of one of them. */
export const MEMBER_LIST_MAX = 100;
export const MEMBER_MEMORY_MAX = 200;
export const MEMBER_TEXT_CHARS_MAX = 4_000;
/** An avatar is an emoji, a name or a URL. */
export const AVATAR_CHARS_MAX = 500;
/** Labels that a runner is asked for, and characters of a label's name and value: what a person still reads in a list. */
export const RUNNER_LABELS_MAX = 16;
export const RUNNER_LABEL_CHARS_MAX = 63;
/** Sessions of one project that may have a runner at once, where it has such a limit: all that there may be. */
export const PROJECT_SESSIONS_MAX = 5_000;
/** Ids that an ordering places (design §4.2); more is 422 ORDERING_TOO_LONG, and so one more than that must pass the validator. */
export const ORDERING_IDS_MAX = 7_000;
/** Depth of any JSON body: keeps every recursive reader of it safe. */
export const JSON_DEPTH_MAX = 32;
/** Problems told in one answer; a body with more is no less wrong. */
export const PROBLEMS_MAX = 20;
/** An opaque cursor of ours is far shorter. */
export const CURSOR_CHARS_MAX = 200;
/** Idempotency-Key: visible ASCII; a UUID has 36. */
export const IDEMPOTENCY_KEY_CHARS_MAX = 255;
/** Ids and types of one filter: what a dashboard can show at once. */
export const FILTER_IDS_MAX = 200;
export const FILTER_TYPES_MAX = 64;
/** A webhook's URL: what servers and proxies take without asking. */
export const WEBHOOK_URL_CHARS_MAX = 2_048;
