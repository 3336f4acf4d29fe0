/** One frame from codex. A longer one is cut by the core, becomes an `error` fact and an unparsed record; the run goes on. */
export const CODEX_LINE_BYTES_MAX = 8 * 1024 * 1024;
/** Characters of a running command's output that are shown while it runs: its newest. The whole comes when it ends. */
export const OUTPUT_TAIL_MAX = 1024;
/** Commands whose output is shown while they run, the newest ones. */
export const OUTPUT_TAILS_MAX = 16;
/** Milliseconds, by codex's own clock, between two pieces of a running command's output. */
export const OUTPUT_TAIL_EVERY_MS = 250;
/** Characters of what a permission option sends back (a rule, a set of paths); an option with more is not offered. */
export const DECISION_CHARACTERS_MAX = 1024;
/** Threads (ours and those of sub-agents) whose tokens are counted; from there on the oldest is forgotten and counts again from its start. */
export const COUNTED_THREADS_MAX = 64;
/** Messages and thoughts on their way that are remembered, so that nothing of them is said twice. */
export const OPEN_TEXTS_MAX = 64;
/** Seconds codex waits for an MCP server to start (the session waits with it, and must be running within 60 s), and for one tool call of our own server (it waits for mail). */
export const MCP_STARTUP_SECONDS = 30;
export const MCP_TOOL_SECONDS = 600;
/** Characters of the reason for a denial that the agent is told. */
export const REASON_CHARACTERS_MAX = 1_000;
