import type { Activity, Capabilities, IdKind, Manifest, McpServerConfig, OutcomeCode, ProviderEntry, RunFact } from '@orbitmesh/domain';

/**
 * The driver port (design §7): the seam between the core, which owns processes, files, the journal and
 * the wire, and a driver, which knows one protocol. A driver is a decoder and encoder over a run's
 * files: text that the agent wrote comes in, facts go out, lines go to the agent's stdin.
 *
 * How the spec's provider interface is met: `start`, `stop`, `pause`, `resume` and `status` are the
 * driver's part of it; `events` is `DriverHost.emit`, and every reader sees all of them; `kill` needs
 * no protocol, so the core alone does it, to the whole process tree.
 *
 * **Steps.** Whatever a driver does without awaiting (facts it emits, lines it sends, what its
 * `snapshot` has become) is one step. A step is journaled and fsynced whole, together with the offset
 * up to which the agent's output was decoded; only then are its lines written to the agent, and only
 * then do its facts leave the runner. After a crash the driver is made again, `recover` is given the
 * snapshot of the last journaled step, and decoding goes on at that step's offset: nothing the agent
 * wrote is lost, and nothing is said twice. Therefore a driver must be a function of its snapshot and
 * of what comes in: no state outside of `snapshot()`, no ids or times that are not in it.
 *
 * **What the core does, so that no driver does it again:** splits lines and keeps UTF-8 whole;
 * coalesces successive `output` and `thought` facts (the first at once, then at most every 50 ms or
 * 16 KiB) and splits long ones; cuts other long text fields of a fact at 256 KiB with `truncated`;
 * redacts secret values from every fact; times the start (60 s); deduplicates inputs by `inputId`
 * (across restarts too); holds no second stop; ends the tree; says `start_failed`, `run_ended` and
 * `output_dropped`; with `capabilities.pause === 'freeze'` suspends the tree and says `paused` and
 * `resumed` itself (the driver's `pause`/`resume` are then not called).
 */
export interface DriverDefinition {
  /** What `driver` names in an entry of `providers.json`. */
  readonly name: string;
  /** Grows when a snapshot's shape changes; `recover` is told the version that wrote what it gets. */
  readonly stateVersion: number;
  /**
   * How stdout is given to `Driver.stdout`. `lines`: each line whole, without its end (`\n` or `\r\n`),
   * cut at `lineBytesMax` with `truncatedBytes`. `text`: pieces as they come, preferably whole lines
   * with their ends, none longer than `lineBytesMax`, nothing ever cut.
   */
  readonly decoding: 'lines' | 'text';
  /** Bytes; the core holds at most this much of an unfinished line in memory. */
  readonly lineBytesMax: number;
  capabilities(entry: ProviderEntry): Capabilities;
  /** Is it installed, and which version? Must end by itself within `DETECT_TIMEOUT_MS`; never throws for "no". */
  detect(entry: ProviderEntry): Promise<Detection>;
  /**
   * What is executed for a run: the entry's command with the driver's own arguments, and the variables it
   * adds (where the agent keeps its state, above all). A variable that the entry or the session sets
   * itself stays as it is set: that is how somebody lets an agent use his own login. May write files into
   * `stateDir`, for their owner alone, and nowhere else. No secret in the command (everybody on the
   * machine can read it) or in a file. Absent: the command as it is.
   * @throws AppError CONFIG_INVALID; becomes `config_invalid`
   */
  launch?(plan: LaunchPlan): Launch;
  /** Refuses a `custom` it cannot work with. @throws AppError CONFIG_INVALID; becomes `config_invalid`. */
  check?(entry: ProviderEntry, manifest: Manifest): void;
  create(host: DriverHost): Driver;
}

/** A run that is about to be executed. */
export interface LaunchPlan extends Pick<RunContext, 'sessionId' | 'runId' | 'manifest' | 'entry' | 'workingDir' | 'cliPath' | 'stateDir' | 'mcpServers' | 'continueAgentSessionId'> {
  /** The agent's environment so far, secrets among it. */
  environment: Readonly<Record<string, string>>;
}

export interface Launch {
  /** argv, the first an absolute path. */
  command: string[];
  environment?: Record<string, string>;
}

/** An MCP server that the agent is to start. */
export interface McpServerLaunch extends McpServerConfig {
  /** Variables of the agent's own environment that the server needs: agents hand on all, some or none of theirs. Their values belong on the wire, never into a file or a command. */
  forward: string[];
  /** OrbitMesh's own: what its tools may do is decided by the session's token (ADR-0014), so nobody is asked for permission. */
  own?: true;
}

export interface Detection {
  installed: boolean;
  version: string | null;
  /** For people: why not installed, or what is limited here. */
  detail: string | null;
}

/** JSON, opaque to the core, at most `DRIVER_STATE_BYTES_MAX` (1 MiB) as text. Never holds a token or a secret. */
export type DriverState = Record<string, unknown>;

/**
 * One run's driver. Every method is synchronous and is called by the core alone, one at a time; what
 * takes time is a later piece of stdout, or the promise of a `send`. What an *agent* does wrong is
 * never an exception; an exception is our bug, is logged, and ends the run as crashed.
 */
export interface Driver {
  /** The process is there and its stdin takes lines: shake hands, send the first prompt. Says `run_started` when it is ready for work. */
  start(): void;
  /**
   * Instead of `start`, after the runner died and the agent lived on. `unsent` are the keys of lines
   * that were journaled and not known to be written when the runner died: nearly always they were not
   * written. One that was cut off in the middle is completed by the core, whether it is sent again (it counts as
   * the same line) or not; only where nobody can say where it was cut off it has been ended with a newline.
   * May be called long after the agent did what it was told: the answer is then already in the file.
   */
  recover(saved: { state: DriverState; stateVersion: number; unsent: string[] }): void;
  stdout(piece: Piece): void;
  /** Without this method the core says stderr as `output` with `stream: 'stderr'`. Always text pieces. */
  stderr?(piece: Piece): void;
  /**
   * Deliver when the agent can take it (hold it in the snapshot until then); say `input_delivered` or
   * `input_failed`, once. `steer` (only with `capabilities.steer`): into the turn that runs, at once; where
   * none runs, it is an ordinary input.
   */
  input(input: { inputId: string; text: string; steer?: boolean }): void;
  /** Break off what runs now, keep the session. Nothing runs: nothing happens. */
  interrupt(): void;
  /** `optionId` null: cancelled. Unknown, withdrawn or already answered: nothing happens. Says `approval_delivered` when written. */
  answerApproval(answer: { approvalId: string; optionId: string | null; reason?: string }): void;
  /** Only with `capabilities.pause === 'hold'`: hold back answers and inputs, say `paused`. Idempotent. */
  pause(): void;
  resume(): void;
  /**
   * The polite half of the end: interrupt what runs, take nothing more. The core waits until
   * `status().busy` is false (at most half of the grace), closes stdin, waits, and ends the tree.
   */
  stop(): void;
  /** All processes are gone and all their output was decoded: withdraw what is open (approvals, inputs). The core says `run_ended` next. */
  exited(exit: ProcessExit): void;
  status(): DriverStatus;
  /** The whole state, as plain JSON; called at the end of every step, so keep it cheap. */
  snapshot(): DriverState;
}

export interface Piece {
  text: string;
  /** Byte offsets in the run's stdout or stderr, from its very beginning: this piece is [start, end). */
  start: number;
  end: number;
  /** Only with `lines`: so many bytes of this line were cut off at `lineBytesMax`. */
  truncatedBytes?: number;
}

export interface ProcessExit {
  /** As the shell says it; null when nobody could write it down (the wrapper was killed too). */
  exitCode: number | null;
  signal: string | null;
}

export interface DriverStatus {
  activity: Activity;
  /** A turn runs: it has to be interrupted before stdin is closed. */
  busy: boolean;
  queuedInputs: number;
  /** The agent is known not to end when its stdin does: the core hardly waits for it before it sends SIGTERM. */
  ignoresEof?: boolean;
}

/** What a driver may say; the core says the rest. */
export type DriverFact = Exclude<RunFact, { type: 'start_failed' | 'run_ended' | 'output_dropped' }>;

export interface DriverHost {
  readonly run: RunContext;
  /** The agent's own process (not its wrapper). */
  readonly pid: number;
  emit(fact: DriverFact): void;
  /**
   * Sends one line (the newline is added; a protocol of lines has none in it) to the agent's stdin,
   * after the step it belongs to is on disk. `key` says what the line is for (at most 128 characters, e.g.
   * `prompt:inp_…`): it is journaled, the line is not. Resolves when every byte is in the FIFO.
   * @throws (rejects) AppError LIMIT_REACHED when STDIN_QUEUE_BYTES_MAX are already waiting for an
   * agent that does not read; UNAVAILABLE when stdin is closed; never when the agent is gone, of which `exited` tells.
   */
  send(key: string, line: string): Promise<void>;
  /** The agent sees the end of its stdin, after all that was sent before. */
  closeStdin(): void;
  /** Before `run_started`: the tree is ended, and `start_failed` is the run's last fact. */
  failStart(code: Extract<OutcomeCode, 'config_invalid' | 'start_failed' | 'auth_required'>, message: string): void;
  /** The conversation cannot go on (a broken protocol, say): the tree is ended, `run_ended` says `crashed` with this message. */
  abandon(message: string): void;
  /**
   * A frame that nobody understands: bounded, said as `metadata {key: 'unparsed'}`, after the first 100
   * of a run only as a number (`unparsed_dropped`); the raw frame stays in the run's `out`. Very many
   * of them before `run_started` fail the start.
   */
  unparsed(frame: string): void;
  /** Put what it makes into the snapshot within the same step. */
  newId(kind: IdKind): string;
  log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: Record<string, unknown>): void;
}

export interface RunContext {
  readonly sessionId: string;
  readonly projectId: string;
  readonly runId: string;
  readonly epoch: number;
  readonly manifest: Manifest;
  /** As it was when the run started. */
  readonly entry: ProviderEntry;
  /** Real path. */
  readonly workingDir: string;
  /** Absolute; the run's own `bin/orbitmesh` (for an injected MCP server: `orbitmesh mcp`). */
  readonly cliPath: string;
  readonly manifestPath: string;
  readonly apiUrl: string;
  /** The agent's whole environment, secrets and token among it: for the wire to the agent, never for a fact, a log or the snapshot. */
  readonly environment: Readonly<Record<string, string>>;
  /** The agent's own conversation to go on with, where the driver can. */
  readonly continueAgentSessionId?: string;
  /** Absolute, 0700: what the agent keeps of this conversation, for the runs that go on with it. */
  readonly stateDir: string;
  /** The ones it is to start, our own first. */
  readonly mcpServers: readonly McpServerLaunch[];
}
