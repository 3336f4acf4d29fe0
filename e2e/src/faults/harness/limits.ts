/** Bounds of the fault harness. Reaching one is a violation, or said where it stands. */

/** Clients that write at once. */
export const LANES = 8;
/** Tasks of one lane that are not deleted: what is compared after every round stays small. */
export const TASKS_OF_LANE_MAX = 12;
/** Acknowledged commands of a round before its fault, and after everything is ready again; drawn between. */
export const COMMANDS_BEFORE = [30, 150] as const;
export const COMMANDS_AFTER = [20, 100] as const;
/** One attempt of a command: a frozen service answers nobody. */
export const ATTEMPT_MS_MAX = 8_000;
/** Between two attempts. */
export const RETRY_MS = 50;
/** A command that nobody answers for so long is stuck. */
export const COMMAND_MS_MAX = 90_000;
/** Until enough commands were acknowledged, before a fault and after it. */
export const LOAD_MS_MAX = 60_000;
/** A session that has not ended so long after its round's load is stuck; with a machine gone, a lease and a start's timeout are in it. */
export const SESSION_MS_MAX = 120_000;
/** Files are written behind the log, and processes end behind their session. */
export const SETTLE_MS_MAX = 20_000;
/** Ready again after a fault. */
export const READY_MS_MAX = 60_000;
export const READY_POLL_MS = 10;
/** Before a follower connects again. */
export const RECONNECT_MS = 50;
/** Descriptors of a quiet service above what its process first had when quiet: pooled connections come and go. */
export const DESCRIPTORS_MORE_MAX = 40;
/** Resident memory of a quiet service above that, MiB: caches have bounds, the collector takes its time. */
export const MEMORY_MORE_MIB_MAX = 250;
/** Larger files are not searched for a secret. */
export const CANARY_FILE_BYTES_MAX = 64 * 1024 * 1024;
/** Violations told of one round; more are counted. */
export const VIOLATIONS_TOLD_MAX = 12;
/** Batches of facts that are remembered to be said again, and how many of the ones heard are. */
export const ECHOES_KEPT_MAX = 50;
export const ECHO_ONE_IN = 3;
/** A home with 10,000 sessions in it is compared with its log file by file only this often. */
export const AUDIT_EVERY_ROUNDS = 50;
