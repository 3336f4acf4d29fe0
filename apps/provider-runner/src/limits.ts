/*
 * Every bound of the runner: value, unit, where it comes from, and what happens there. Bounds of the
 * wire (batch of facts, heartbeat) are in @orbitmesh/contracts.
 */
import { availableParallelism } from 'node:os';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Runs at once on one runner, unless configured. A start beyond it is answered LIMIT_REACHED; the session waits, visibly. */
export const CAPACITY_DEFAULT = 16;
/**
 * Agents that are being started at once: a real one costs one to three seconds of a core until it is ready,
 * and twenty at once would keep each other from being ready in time. The others wait, visibly, in session-service.
 */
export const STARTS_AT_ONCE = Math.max(4, 2 * availableParallelism());
/** Directories that a runner may say it has: they are in each of its heartbeats. */
export const ROOTS_MAX = 64;
/** Slots tried before boot gives up with STORAGE_LOCKED. */
export const SLOTS_MAX = 256;
/** From the execution to `run_started` (design §4.1); then the tree is ended and `start_failed: start_timeout` is said. */
export const START_TIMEOUT_MS = 60_000;
/** A claim that nobody answers is asked again this long; then the record is dropped and the session placed anew by its owner. */
export const CLAIM_GIVE_UP_MS = 60_000;
/** The wrapper writes the agent's pid within some ms; a machine that takes longer than this gets `start_failed`. */
export const AGENT_PID_TIMEOUT_MS = 10_000;

/** Of an agent and all it starts (nice(1), 0 to 19): it has the processor whenever it is free, and a third of the share of a service when it is not. */
export const AGENT_NICENESS = 10;

/** Stop (design §4.1): after stdin was closed, and after SIGTERM. */
export const STOP_GRACES_MS = { politeMs: 5_000, termMs: 5_000, drainMs: 2_000 } as const;
/** Between the end of stdin and SIGTERM for an agent that is known not to end by the first. */
export const EOF_IGNORED_MS = 250;
/**
 * In a shutdown (design §10), all agents at once. `drainMs`, here and above: of a run that is ended by
 * us, what it left in its files is decoded so long; the rest is dropped and said as `output_dropped`.
 * What an agent that ended by itself has left is decoded to its end, or until somebody stops the run.
 */
export const SHUTDOWN_GRACES_MS = { politeMs: 2_000, termMs: 2_000, drainMs: 500 } as const;
/** What an agent that ended by itself left behind gets this long between SIGTERM and SIGKILL. */
export const LEFTOVER_GRACE_MS = 500;
/** SIGKILL and look again, at most this long; whatever is alive then is reported in `run_ended.left`. */
export const SWEEP_GIVE_UP_MS = 5_000;
/** What has taken SIGKILL and is still there waits for its disk to finish something, which may take as long as that disk is slow. */
export const DYING_GIVE_UP_MS = 30_000;
/** Between two looks at all processes of the system that runs share, as a multiple of what the last one took: however many runs end at once, looking takes a fifth of the time. */
export const SCAN_REST_FACTOR = 4;
/** The same for a start that failed: there is hardly anything to end. */
export const START_SWEEP_MS = 1_000;
/** Shutdown waits so long for the last facts to be acknowledged; they are in the journal and are sent by the next start. */
export const SHUTDOWN_ACK_MS = 3_000;

/** Lines waiting for an agent that does not read its stdin; one more is refused with LIMIT_REACHED, which the driver says as `input_failed`. */
export const STDIN_QUEUE_BYTES_MAX = 4 * MIB;
/** The line that is on its way into the FIFO, kept beside it with its key. */
export const BEGUN_LINE_BYTES_MAX = STDIN_QUEUE_BYTES_MAX + KIB;
/** The same for how many they are, however short: the keys of all that wait are in each step of the journal. A driver has a few hundred at most, and an agent that asks without reading gets no more refusals. */
export const STDIN_QUEUE_LINES_MAX = 1_000;
/** Keys of lines that are in the FIFO and that the journal may not know of yet, kept beside it: past it the older half is forgotten, which the journal has long since. */
export const WRITTEN_KEYS_MAX = 256;
/** The file of them, which its agent could make as large as it likes: a key has 128 characters, of up to 6 bytes each as JSON. */
export const WRITTEN_KEYS_BYTES_MAX = 256 * KIB;
/** A line up to this is in the FIFO whole or not at all (PIPE_BUF on Linux; POSIX promises 512, and macOS keeps that). */
export const STDIN_ATOMIC_BYTES = process.platform === 'linux' ? 4 * KIB : 512;
/** One write to the FIFO: what a Linux pipe holds. */
export const STDIN_WRITE_BYTES_MAX = 64 * KIB;
/** Between two tries when the FIFO is full: doubled from the first to the second. */
export const STDIN_RETRY_MS = { first: 1, last: 50 } as const;
/** Nobody has an agent's stdin open any more: it has ended, and that is known when its exit is written down, at the latest so much later. */
export const STDIN_UNREAD_MS = 10_000;

/** One read of an output file; the event loop turns between two. */
export const READ_BYTES_MAX = 64 * KIB;
/**
 * Of an agent that floods: how long is decoded before others have their turn, how many facts are sent at once, and the rest after each
 * as a multiple of what it took (at most `msMax`: who did not answer for seconds needs none). So one takes at most a ninth of its
 * runner and of session-service, and what others say waits a few ms behind it (bench/scale, flood).
 */
export const DECODE_MS = 1;
export const FACTS_SENT_AT_ONCE = 8;
/** Decoded beyond what is acknowledged, per run: past so many facts decoding waits for the next acknowledgement, or so long where none comes. */
export const AHEAD = { facts: 256, waitMs: 20 } as const;
export const FLOOD_REST = { factor: 8, msMax: 25 } as const;
/** Changes of a run's files heard in one window, past which its directory is not watched for a while: hearing of one write costs some 20 µs, and an agent makes 100,000 a second. Its output is polled meanwhile. */
export const WATCH_EVENTS_MAX = 200;
export const WATCH_WINDOW_MS = 250;
export const WATCH_REST_MS = 1_000;
/** Polling beside the watch (which may be unavailable): doubled from the first to the last while nothing comes. */
export const TAIL_POLL_MS = { first: 10, last: 250 } as const;
/** An unfinished line of `text` output waits this long for its end. */
export const PARTIAL_LINE_MS = 50;
/** Output is coalesced: the first piece at once, then at most this often or this much (design §5). */
export const COALESCE_MS = 50;
export const COALESCE_BYTES_MAX = 16 * KIB;
/** Text that may be the beginning of a secret waits this long for the rest of it, then goes out. */
export const SECRET_HOLD_MS = 1_000;

/** Decoded and not yet in the journal, per run; decoding waits, the agent's file grows. */
export const PENDING_BYTES_MAX = 1 * MIB;
/** Lines and other work that wait for a step to be durable; decoding waits. Frames that say nothing and are answered make such work alone, also while the disk takes nothing. */
export const PENDING_ACTIONS_MAX = 1_000;
/** Decoded without a fact; then the offset alone is journaled. */
export const SILENT_BYTES_MAX = 256 * KIB;
/** In the journal and not yet acknowledged, per run (held in memory): decoding waits and the agent's tree is suspended, until half of it is left. */
export const UNACKED_BYTES_MAX = 4 * MIB;
/** The same for how many they are, however small: 16 minutes of output that never pauses, with session-service away. */
export const UNACKED_FACTS_MAX = 20_000;
/** Output in the files and not in the journal (design §7): the agent's tree is suspended, and goes on below the second. */
export const BACKLOG_SUSPEND_BYTES = 8 * MIB;
export const BACKLOG_RESUME_BYTES = 2 * MIB;
/** All that a run says, as facts (design §7): what only tells something is then dropped and said as `output_dropped`. */
export const RUN_OUTPUT_BYTES_MAX = 256 * MIB;
/** Past it, facts that move the session (turns, inputs, approvals) go on so far; then the run is ended as crashed. */
export const RUN_CONTROL_BYTES_MAX = 16 * MIB;
/** The least a fact counts there: what it costs on its way and as an event. */
export const FACT_BYTES_MIN = 256;
/** A raw file past this loses what is in the journal, with the tree suspended meanwhile. */
export const RAW_FILE_BYTES_MAX = 256 * MIB;

/** All files of it but the last, while their facts are not acknowledged: the same. Of a fact they hold what the driver's state was then, too. */
export const JOURNAL_WAITING_BYTES_MAX = 64 * MIB;
/** One journal file; a new one begins with the whole state, and files whose facts are all acknowledged are removed. */
export const JOURNAL_FILE_BYTES_MAX = 8 * MIB;
/** With less room on its disk a runner says so in its heartbeats and begins nothing new; what runs goes on. */
export const DISK_FREE_BYTES_MIN = 1 * MIB;
/** A failed journal write is tried again between these; meanwhile decoding waits. */
export const JOURNAL_RETRY_MS = { first: 100, last: 5_000 } as const;
/** A driver's snapshot as JSON; a larger one ends the run as crashed. */
export const DRIVER_STATE_BYTES_MAX = 1 * MIB;
/** Remembered inputIds of a run, oldest forgotten: a repetition later than so many inputs would be delivered twice. */
export const INPUT_IDS_MAX = 1_000;
/** Bytes of a raw frame in `metadata {key: 'unparsed'}`. */
export const UNPARSED_BYTES_MAX = 4 * KIB;
/** Such facts of a run; further frames are only counted, and said as `metadata {key: 'unparsed_dropped'}`. */
export const UNPARSED_FACTS_MAX = 100;
/** Between two of those; the last number is said at the end. */
export const UNPARSED_SAY_MS = 10_000;
/** Frames, or their characters, that nobody understands before `run_started`: this is no agent of that protocol, and the start fails. */
export const UNPARSED_AT_START_MAX = { frames: 1_000, characters: 1 * MIB } as const;

/** Unanswered facts are sent again between these (with jitter), and at once after a reconnect. */
export const SEND_RETRY_MS = { first: 100, last: 2_000 } as const;
/** After an unanswered heartbeat the next comes this much later for each in a row, until the ordinary beat. */
export const HEARTBEAT_RETRY_MS = 100;
/** The last one says that it leaves, and is waited for this long: within what the launcher gives a runner. */
export const LAST_HEARTBEAT_MS = 250;
/** `detect` of one entry; then the entry counts as not installed. */
export const DETECT_TIMEOUT_MS = 10_000;
/** Entries looked at at once: each may start a program to ask for its version, and agents at work need the processors too. */
export const DETECT_AT_ONCE = 4;
/** A runner is ready after this even if some entries were not looked at yet; they are told as not installed until then. */
export const DETECT_AT_START_MS = 1_500;
/** Entries are looked at again this often, and whenever `providers.json` changes. */
export const DETECT_EVERY_MS = 60_000;
/** And again this soon, in ms, where something did not say all of itself in time: the machine was busy just then. */
export const DETECT_AGAIN_MS = 10_000;
/** `providers.json` is compared this often, beside being watched. */
export const PROVIDERS_POLL_MS = 1_000;
/** `file:` secrets; a larger file, or what is no regular file, is refused and the start fails. */
export const SECRET_FILE_BYTES_MAX = 64 * KIB;
/** Git answers at once where its configuration is; a file that is no file (a FIFO) in it would hold it up for good. Then the start fails. */
export const GIT_CONFIG_TIMEOUT_MS = 5_000;
/** All of a repository's and its user's git configuration as text; with more of it the start fails. */
export const GIT_CONFIG_BYTES_MAX = 1 * MIB;
/**
 * What the agents of one provider keep from run to run: one directory a conversation. Those whose last
 * run ended longest ago go first, at the end of a run; such a conversation cannot be continued any more.
 */
export const AGENT_STATES_MAX = 1_000;
/** Between two looks at them, as a multiple of what the last one took (some 40 ms with a thousand): a fiftieth of the time. So many more may be there meanwhile as end in about 2 s. */
export const PRUNE_REST_FACTOR = 50;
export const AGENT_STATES_BYTES_MAX = 4 * 1024 * MIB;
/** Files looked at to know how large one is; one with more counts as what was seen of it. */
export const AGENT_STATE_FILES_MAX = 20_000;
/** What a run that has ended said is compressed when it is so many bytes: less is hardly less room on a disk. */
export const COMPRESS_BYTES_MIN = 16 * KIB;
/** Directories of ended runs kept for their raw frames; the oldest go first. */
export const ENDED_RUNS_MAX = 200;
export const ENDED_RUNS_BYTES_MAX = 2 * 1024 * MIB;
/** Rounds of SIGSTOP: a tree that forks faster than this is stopped only as far as we got. */
export const SUSPEND_ROUNDS_MAX = 5;
/** A longer line without an end, of a `process` agent, is given on in parts. */
export const PROCESS_LINE_BYTES_MAX = 64 * KIB;
/** Input that waits for a `process` agent that does not read; what is more is said as `input_failed`. */
export const HELD_INPUT_BYTES_MAX = 512 * KIB;
/** Of codex's own words about a failure, which may be a whole page of its server's. */
export const ERROR_MESSAGE_CHARACTERS_MAX = 4_000;
/** The key of a line for an agent: `WRITTEN_KEYS_BYTES_MAX` counts with it. */
export const LINE_KEY_CHARACTERS_MAX = 128;
/** After the wrapper was seen to be gone, ms: what it wrote last must be visible by then. */
export const EXIT_FILE_WAIT_MS = 200;
/** The wrapper writes down how the agent ended and goes, within ms; after so many it is killed. */
export const WRAPPER_GRACE_MS = 1_000;
/** Until an agent has said its version: Node programs take seconds to start on a busy machine. Past it the version is unknown, the agent still counts as installed. */
export const VERSION_TIMEOUT_MS = 8_000;
/** What it may say for that; one that says more is ended. */
export const VERSION_BYTES_MAX = 64 * KIB;
/** Of the version itself: one that is longer is cut. */
export const VERSION_CHARACTERS_MAX = 100;
/** Of why it is unknown. */
export const VERSION_DETAIL_CHARACTERS_MAX = 300;
