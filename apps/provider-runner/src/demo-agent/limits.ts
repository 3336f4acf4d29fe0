/** Files of the working directory that are listed; more are counted as "not looked at" in the report. */
export const SURVEY_FILES_MAX = 5_000;
/** Depth of the walk where there is no git; deeper directories are left out and said so. */
export const SURVEY_DEPTH_MAX = 12;
/** Bytes of one file that is read for its lines and marks; larger files are measured, not read. */
export const SURVEY_FILE_BYTES_MAX = 256 * 1024;
/** Bytes read in all; from there on files are measured, not read, and the report says so. */
export const SURVEY_READ_BYTES_MAX = 16 * 1024 * 1024;
/** TODO and FIXME marks kept; more are only counted. */
export const SURVEY_TODOS_MAX = 100;
/** Commits shown. */
export const SURVEY_COMMITS_MAX = 10;
/** One git command; at the bound the survey walks the directory instead and says why. */
export const GIT_TIMEOUT_MS = 10_000;
/** Output of one git command (some 100,000 paths); past it git counts as unusable here, as above. */
export const GIT_OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
/** Items of a list in the report or an answer; the rest is counted. */
export const LIST_ITEMS_MAX = 50;

/**
 * How long one report to the API is tried. An API that is away for less (a restart, NATS away for
 * 40 s) loses nothing; at the bound the report is given up and said so on stderr.
 */
export const REPORT_DEADLINE_MS = 5 * 60_000;
/** One attempt. */
export const REPORT_ATTEMPT_MS = 10_000;
/** Backoff between attempts: doubles from the first to the last, with jitter. */
export const REPORT_BACKOFF_FIRST_MS = 100;
export const REPORT_BACKOFF_LAST_MS = 2_000;
/** Reports that wait for their turn; at the bound progress is dropped and said so on stderr, ends are not. */
export const REPORT_QUEUE_MAX = 200;

/** Starting and initializing one MCP server; at the bound it is reported as not answering. */
export const MCP_PROBE_MS = 10_000;
/** MCP servers that are tried; more are only named. */
export const MCP_PROBES_MAX = 8;
/** Output of an MCP server before its answer; at the bound it is reported as not answering. */
export const MCP_PROBE_BYTES_MAX = 1024 * 1024;

/** Turns of a conversation that are kept for the sessions that go on with it; older ones are only counted. */
export const REMEMBERED_TURNS_MAX = 32;
/** Of each turn: the prompt, what the agent said, and the line on what it was about; the rest is cut off. */
export const REMEMBERED_ASKED_BYTES_MAX = 4 * 1024;
export const REMEMBERED_SAID_BYTES_MAX = 8 * 1024;
export const REMEMBERED_ABOUT_BYTES_MAX = 200;
/** Paths of the last survey, and all of them in bytes; of a larger directory only the numbers are remembered. */
export const REMEMBERED_PATHS_MAX = 1_000;
export const REMEMBERED_PATHS_BYTES_MAX = 64 * 1024;
/** Turns that are told one by one; earlier ones are counted. */
export const RECALLED_TURNS_MAX = 10;
/** The file of a conversation: more than all of the above come to as JSON. A larger one is refused, and the session cannot start. */
export const CONVERSATION_BYTES_MAX = 4 * 1024 * 1024;

/** Bytes of the flood fault in one frame. */
export const FLOOD_CHUNK_BYTES = 64 * 1024;
/** Life of the escaped child: it ends by itself even where nobody sweeps. */
export const ESCAPED_LIFE_MS = 10 * 60_000;
