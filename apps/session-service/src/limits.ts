/** The agent must be running this long after its placement, in ms (design §4.1); then the session ends in `start_timeout`. */
export const START_TIMEOUT_MS = 60_000;
/** How long a granted claim may be used by the runner, in ms; past it the runner claims again. */
export const START_TTL_MS = 10_000;
/** A message to a runner is sent again after this long, in ms, until the fact arrives that makes it unnecessary. */
export const RESEND_MS = 2_000;
/** A runner says "accepted" at once, or it is not there (or hangs) and hears the same again, in ms; the contract's own 5 s are for answers that take work. */
export const RUNNER_REQUEST_MS = 2_000;
/** After a report in mode `task` the session is ended this long later at the latest, in ms (design §4.1). */
export const REPORT_GRACE_MS = 60_000;
/** A turn without a frame for this long is stalled, in ms: without and with an open tool call (design §4.1). */
export const STALLED_MS = 10 * 60_000;
export const STALLED_TOOL_MS = 60 * 60_000;
/** Every session that has not ended is looked at this often, in ms, whatever else happens: no timer can be lost. */
export const TICK_MS = 500;
/** A tick that is this late, in ms, means that the process or the machine slept: every lease and window starts over. */
export const WAKE_UP_GAP_MS = 5_000;
/** A runner silent for this long, in ms (two missed heartbeats), gets nothing new; it is lost only after LEASE_MS. */
export const RUNNER_SILENT_MS = 5_000;
/** After a start or reconnect runners get this long, in ms, to show up before a session says that it waits for one. */
export const RUNNER_ARRIVAL_MS = 3_000;
/** An agent that is being started counts against its runner's `startsAtOnce` so long, in ms: real ones need 1 to 5 s of a core. */
export const START_PLACE_MS = 10_000;
/** A session that waits only for others' agents to be started says so after this long, in ms. */
export const WAIT_TOLD_MS = 2_000;
/** Sessions placed in one round, each a commit that takes about 1 ms to make; the others are in the next, when these are durable. */
export const PLACED_AT_ONCE = 16;
/** Sessions that are told at once what they wait for, each a commit and an event that take about 1 ms to make: where the reason of thousands changes, the others follow at the next tick. */
export const WAITS_TOLD_AT_ONCE = 100;
/** After a decision that took longer, ms, there is none for so many times as long as it took: thousands that wait for a crowd of runners take a fifth of the time at most. */
export const SHORT_ROUND_MS = 5;
export const ROUND_REST_FACTOR = 4;
/** A runner that refused a start is not asked again for that session for this long, in ms. */
export const REFUSAL_MS = 10_000;

/** Messages to one runner, and to all, in flight; past it a session's turn comes at a later tick. */
export const SENDS_PER_RUNNER_MAX = 32;
export const SENDS_MAX = 256;
/** Runners asked at once whether they have a directory, where the first that was asked has not. */
export const DIRECTORY_ASKED_AT_ONCE = 16;
/** Runners known at once; past it the heartbeat of a new one is refused with LIMIT_REACHED. Lost ones make room. */
export const RUNNERS_MAX = 256;
/** Processes remembered that others have followed under one runner's id: what they still say is not heard. The oldest are forgotten. */
export const FORMER_PROCESSES_MAX = 32;
/** Sessions that have not ended; past it a spawn is refused with LIMIT_REACHED. */
export const LIVE_SESSIONS_MAX = 5_000;
/** Tasks of a project past which its agents make no more: LIMIT_REACHED. People have no such bound. */
export const AGENT_PROJECT_TASKS_MAX = 5_000;
/** Tasks that go with one deletion (they are one commit); past it LIMIT_REACHED. */
export const TASKS_DELETED_MAX = 1_000;
/** Tasks of one spawn (design §4.3); past it VALIDATION_FAILED. */
export const SPAWN_TASKS_MAX = 20;
/** What a team member's `capabilities`, where it lists any, must have for its agents to start sessions. */
export const SPAWN_CAPABILITY = 'spawn';
/** Sessions at work that an agent has started, and how deep such starting goes; past it LIMIT_REACHED. People have no such bound. */
export const AGENT_CHILDREN_MAX = 20;
export const AGENT_GENERATIONS_MAX = 5;
/** Bytes of one change that grows with what is there (a deletion that frees tasks), well within a commit's 16 MiB; past it LIMIT_REACHED. */
export const ONE_COMMIT_BYTES_MAX = 12 * 1024 * 1024;
/** Tasks that the deletion of a team member gives back (they are one commit); past it LIMIT_REACHED. */
export const MEMBER_TASKS_MAX = 1_000;
/** Clients that wait for mail at once; past it one more is refused with TOO_MANY_REQUESTS. */
export const MAIL_WAITS_MAX = 1_000;
/** Mails that one wait gives; the rest comes with the next. */
export const MAIL_WAIT_ITEMS_MAX = 50;
/** Bytes of the manifest builder's input: what is above could not cross NATS (1 MiB); MANIFEST_TOO_LARGE. */
export const MANIFEST_INPUT_BYTES_MAX = 768 * 1024;
/** Bytes of a path (PATH_MAX on Linux); a longer one is WORKING_DIR_INVALID. */
export const PATH_BYTES_MAX = 4_096;
/** Characters of a session's name; what is longer is refused, a name made from a title is cut. */
export const NAME_CHARS_MAX = 200;
/** What is kept of sessions' events is looked at this often, in ms; and so many sessions lose theirs at one look: the next takes the rest. */
export const RETENTION_LOOK_MS = 60_000;
export const RETENTION_PER_LOOK_MAX = 1_000;
/** Sessions looked at without a turn of the event loop: some ms. */
export const RETENTION_SLICE = 5_000;
/** A session that has lost its events loses what came since (its mail, a new name) only when that is so many bytes. */
export const RETENTION_AGAIN_BYTES = 64 * 1024;
/** For want of room nothing goes that ended within a day; nor within a week what a shutdown ended, which waits to be continued. */
export const RETENTION_FRESH_MS = 24 * 3_600_000;
export const RETENTION_SHUTDOWN_MS = 7 * 24 * 3_600_000;
/** Days that may be configured: a hundred years. */
export const RETAIN_DAYS_MAX = 36_500;
/** Health and `providers.json` are looked at this often, in ms, also when nobody asks. */
export const HEALTH_MS = 1_000;
