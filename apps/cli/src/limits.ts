/** Rows of a list that `status` shows; the rest is counted. */
export const STATUS_ROWS_MAX = 20;
/** A gateway says how it is within 1 s (that is how long it asks the others); one that does not in this time does not answer. */
export const STATUS_READY_MS_MAX = 3_000;
/** Rows of `sessions`; it says when there are more. */
export const SESSIONS_ROWS_MAX = 1_000;
/** Events that `events` prints without `--limit`. */
export const EVENTS_LIMIT_DEFAULT = 1_000;
/** Pages of projects looked through for one that has the present directory. */
export const PROJECT_PAGES_MAX = 20;
/** Characters of a line about a tool call, a thought or a plan; the whole is in `--json`. */
export const LINE_CHARS_MAX = 200;
/** Sessions whose last sentence `events` remembers, so as not to say it twice; then it forgets all, and may. */
export const SESSIONS_TOLD_MAX = 1_000;
/** Less free space than this on the disk of a home is told by the doctor: a session of an agent that writes much may need it. */
export const DISK_FREE_BYTES_MIN = 256 * 1024 * 1024;
/** And so many files that can still be made. */
export const DISK_FREE_FILES_MIN = 1_000;
/** `doctor --fix` looks and mends so often: a directory that is opened shows what is in it. */
export const MENDING_PASSES_MAX = 3;
/** Of one kind of finding so many are named; the rest is counted. */
export const NAMED_FILES_MAX = 3;
/** Of what services found damaged the newest so many are named. */
export const DAMAGES_NAMED_MAX = 20;
/** A process that was sent SIGKILL is gone in this time, or stuck in its kernel. */
export const KILLED_MS_MAX = 5_000;
/** `stack.json` and a token file are far smaller; a larger one is not read. */
export const FILE_BYTES_MAX = 256 * 1024;
/** A question is put this long after it came, unless it was answered by then (by a policy, in the same commit). */
export const ASK_DELAY_MS = 100;
/** The progress line moves this often: as often as an eye likes it. */
export const PROGRESS_TICK_MS = 100;
/** Rows of a list without `--limit`; it says when there are more. */
export const LIST_ROWS_DEFAULT = 1_000;
/** What is read from stdin as a text: more than any text the API takes. */
export const STDIN_BYTES_MAX = 1024 * 1024;
/** A server that went away while something was waited for is asked again this often. */
export const WAIT_AGAIN_MS = 1_000;
/** A stack whose launcher lives is tried so long: a process that died is back after 1 to 5 s, on a busy machine later. */
export const RESTART_MS_MAX = 10_000;
/** And this is said after so long. */
export const RESTART_TOLD_MS = 2_000;
/** A `run/stack.json` that was removed is written again by a launcher that lives, in this time. */
export const STACK_FILE_MS_MAX = 3_000;
/** `up` and `down` look this often whether the stack has come or gone. */
export const STACK_POLL_MS = 100;
/** `runner drain --wait` looks this often, in ms: sessions take seconds to hours. */
export const RUNNER_POLL_MS = 500;
/** What `--max-sessions` takes: as many as there may be. */
export const PROJECT_SESSIONS_MAX = 5_000;
/** `up` gives up waiting; the first start of a checkout installs and builds for a minute or two. */
export const UP_MS_MAX = 10 * 60_000;
/** A launcher ends within 10 s (design §10); what is above it is for a busy machine. */
export const DOWN_MS_MAX = 30_000;
/** The end of the launcher's log that is shown when it did not start. */
export const LOG_TAIL_LINES = 20;
/** Ids for a shell's completion: somebody has pressed a key and waits. */
export const COMPLETE_MS_MAX = 1_500;
/** A change of providers.json waits so long for another one: each takes milliseconds. */
export const PROVIDERS_LOCK_MS_MAX = 5_000;
/** An agent says its version in this time, or stays without one: Node programs take seconds on a busy machine. */
export const PROGRAM_VERSION_MS_MAX = 15_000;
/** One line from an agent to `orbitmesh mcp`: more than any text that the API takes, escaped; past it the server ends. */
export const MCP_LINE_BYTES_MAX = 4 * 1024 * 1024;
/** Calls of tools whose outcome is not known, and that are to be repeated under their own key; the oldest is forgotten. */
export const MCP_UNCERTAIN_CALLS_MAX = 100;
/** `wait_for_mail` without `timeoutSeconds`: what the strictest client waits for a tool is 60 s. */
export const MCP_MAIL_WAIT_SECONDS_DEFAULT = 45;
/** And with: an agent that waits longer had better end its turn, and gets its mail as its next prompt. */
export const MCP_MAIL_WAIT_SECONDS_MAX = 600;
/** Between two signs of life to a client that asked for progress while it waits. */
export const MCP_PROGRESS_SECONDS = 10;
/** Items of a list that a tool gives when it is not told how many: what a model reads without drowning in it. */
export const MCP_LIST_ITEMS_DEFAULT = 50;
/** Lines of what an agent wants to do, beside its question; `session approvals --json` has it all. */
export const DETAIL_LINES_MAX = 24;
/** A session's secret that is taken out of what is sent by its command, in characters: a shorter one may be a word of the API (`task`, `proj_`), and what has it in an id could not be said any more. */
export const SENT_SECRET_LENGTH_MIN = 8;
