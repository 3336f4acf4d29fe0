import { AppError, type Capabilities, type IdKind, type RunFact } from '@orbitmesh/domain';
import { headOf } from '../decode/utf8.js';
import { LineSplitter, TextSplitter } from '../decode/splitter.js';
import type { Driver, DriverDefinition, DriverFact, DriverHost, DriverStatus, Piece, ProcessExit, RunContext } from '../drivers/driver.js';
import { RunOutput } from '../files/run-output.js';
import type { TailOptions } from '../files/output-tail.js';
import { StdinQueue } from '../files/stdin-queue.js';
import type { FactJournal, Offsets, RunProgress } from '../journal/fact-journal.js';
import type { StepRecorder } from '../journal/step-recorder.js';
import { COALESCE_BYTES_MAX, DRIVER_STATE_BYTES_MAX, RUN_OUTPUT_BYTES_MAX, UNPARSED_BYTES_MAX } from '../limits.js';
import type { RunFiles } from './run-files.js';
import type { AgentProcess } from './agent-process.js';
import type { RunLog } from './run-log.js';

export interface DriverSessionOptions {
  definition: DriverDefinition;
  context: RunContext;
  files: RunFiles;
  agent: AgentProcess;
  journal: FactJournal;
  recorder: StepRecorder;
  log: RunLog;
  newId(kind: IdKind): string;
  onStarted(): void;
  onStartFailed(code: Parameters<DriverHost['failStart']>[0], message: string): void;
  /** The conversation is over, by the agent's fault or by an error of ours in the driver. */
  onAbandoned(message: string): void;
}

const KEY_LENGTH_MAX = 128;

/** A living agent and its driver: output goes in, facts come out, lines go to stdin, all in journaled steps. */
export class DriverSession implements DriverHost {
  private readonly driver: Driver;
  private readonly stdin: StdinQueue;
  private readonly output: RunOutput;
  private readonly unsent: Set<string>;
  private readonly takenInputs = new Set<string>();
  private readonly suspendedBy = new Set<'pause' | 'backlog'>();
  private progress: Pick<RunProgress, 'base' | 'stdinClosed' | 'started' | 'paused' | 'outputBytes' | 'droppedBytes'>;
  private lastDriverState = '';
  private dropFrom = 0;
  private lastWrite: Promise<void> = Promise.resolve();
  private over = false;

  constructor(private readonly options: DriverSessionOptions) {
    const { base, stdinClosed, started, paused, outputBytes, droppedBytes, unsent, upTo } = options.journal.progress;
    this.progress = { base: { ...base }, stdinClosed, started, paused, outputBytes, droppedBytes };
    this.unsent = new Set(unsent);
    this.dropFrom = upTo.stdout;
    this.stdin = new StdinQueue(options.files.stdin);
    this.driver = options.definition.create(this);
    this.output = new RunOutput({
      tails: { stdout: this.tail('stdout', upTo), stderr: this.tail('stderr', upTo) },
      journaled: () => options.journal.progress.upTo,
      suspend: (on) => this.suspend('backlog', on),
      onEmptied: async (stream, begin) => {
        this.progress.base[stream] = begin;
        await options.recorder.flush();
      },
    });
    options.agent.onFile((file) => this.output.wake(file === 'out' ? 'stdout' : file === 'err' ? 'stderr' : undefined));
  }

  get run(): RunContext {
    return this.options.context;
  }

  get pid(): number {
    return this.options.agent.pid;
  }

  get started(): boolean {
    return this.progress.started;
  }

  get paused(): boolean {
    return this.progress.paused;
  }

  get capabilities(): Capabilities {
    return this.options.definition.capabilities(this.run.entry);
  }

  /** Begins, or goes on where the journal says a former runner was. */
  begin(): void {
    const { driver, unsent, midLine } = this.options.journal.progress;
    if (driver === null) return this.guard(() => this.driver.start());
    if (midLine) void this.stdin.write('\n').catch(() => undefined);
    if (this.progress.paused && this.capabilities.pause === 'freeze') this.suspendedBy.add('pause');
    else this.options.agent.processes.resume();
    this.unsent.clear();
    this.guard(() => this.driver.recover({ state: driver.state, stateVersion: driver.version, unsent: [...unsent] }));
    if (this.progress.stdinClosed) this.dropStdin();
    this.options.recorder.touch();
  }

  /** What a step writes beside its facts. */
  changes(): Partial<RunProgress> {
    const changes: Partial<RunProgress> = { ...this.progress, base: { ...this.progress.base }, unsent: [...this.unsent], midLine: this.stdin.midLine };
    const state = this.driver.snapshot();
    const json = JSON.stringify(state);
    if (json === this.lastDriverState) return changes;
    if (json.length > DRIVER_STATE_BYTES_MAX) {
      this.abandon('The state of this run has become too large to be kept.');
      return changes;
    }
    this.lastDriverState = json;
    return { ...changes, driver: { version: this.options.definition.stateVersion, state: JSON.parse(json) as Record<string, unknown> } };
  }

  // What a driver calls.

  emit(fact: DriverFact): void {
    if (this.over) return;
    if (fact.type === 'run_started') {
      if (this.progress.started) return;
      this.progress.started = true;
      this.options.onStarted();
    }
    if (fact.type === 'paused' || fact.type === 'resumed') this.progress.paused = fact.type === 'paused';
    if ((fact.type === 'output' || fact.type === 'thought') && !this.takesOutput(fact)) return;
    this.options.recorder.emit(fact);
  }

  send(key: string, line: string): Promise<void> {
    const sent = this.sendLine(key, line);
    // A driver may not be interested; a rejection that nobody takes would end the process.
    sent.catch(() => undefined);
    return sent;
  }

  closeStdin(): void {
    if (this.progress.stdinClosed) return;
    this.progress.stdinClosed = true;
    this.options.recorder.whenDurable(() => void this.lastWrite.finally(() => this.dropStdin()));
  }

  failStart(code: Parameters<DriverHost['failStart']>[0], message: string): void {
    if (this.progress.started) this.abandon(message);
    else this.options.onStartFailed(code, message);
  }

  abandon(message: string): void {
    this.options.onAbandoned(message);
  }

  unparsed(frame: string): void {
    this.emit({ type: 'metadata', key: 'unparsed', value: headOf(frame, UNPARSED_BYTES_MAX) });
  }

  newId(kind: IdKind): string {
    return this.options.newId(kind);
  }

  log(level: Parameters<RunLog>[0], message: string, fields?: Record<string, unknown>): void {
    this.options.log(level, message, fields);
  }

  // Commands.

  /** Resolves when it is durable that the input was taken. */
  async input(input: { inputId: string; text: string }): Promise<void> {
    if (!this.options.journal.hasInput(input.inputId) && !this.takenInputs.has(input.inputId)) {
      this.takenInputs.add(input.inputId);
      this.options.recorder.takeInput(input.inputId);
      this.guard(() => this.driver.input(input));
    }
    await this.options.recorder.flush();
    this.takenInputs.delete(input.inputId);
  }

  async interrupt(): Promise<void> {
    await this.command(() => this.driver.interrupt());
  }

  async answerApproval(answer: Parameters<Driver['answerApproval']>[0]): Promise<void> {
    await this.command(() => this.driver.answerApproval(answer));
  }

  async pause(): Promise<void> {
    if (this.progress.paused) return;
    if (this.capabilities.pause === 'hold') return this.command(() => this.driver.pause());
    this.suspend('pause', true);
    await this.command(() => this.emit({ type: 'paused' }));
  }

  async resume(): Promise<void> {
    if (!this.progress.paused) return;
    if (this.capabilities.pause === 'hold') return this.command(() => this.driver.resume());
    this.suspend('pause', false);
    await this.command(() => this.emit({ type: 'resumed' }));
  }

  status(): DriverStatus {
    return this.driver.status();
  }

  // The end.

  /** Interrupts what runs and takes nothing more; frozen processes can only end when they run. */
  stop(): void {
    this.suspend('pause', false);
    this.guard(() => this.driver.stop());
    this.options.recorder.touch();
  }

  /** Closes stdin now, whatever still waits to be read. */
  dropStdin(): void {
    this.progress.stdinClosed = true;
    this.stdin.close();
    this.options.agent.dropWriteEnd();
  }

  /** No process is left: decodes what is left, lets the driver say its last, and makes all of it durable. */
  async finish(exit: ProcessExit): Promise<void> {
    this.stdin.close('The agent has ended.');
    await this.output.drain();
    this.guard(() => this.driver.exited(exit));
    if (this.progress.droppedBytes > 0) {
      this.options.recorder.emit({ type: 'output_dropped', bytes: this.progress.droppedBytes, fromOffset: this.dropFrom });
    }
    this.over = true;
    this.options.agent.close();
    await this.options.recorder.flush();
  }

  /** Lets go of everything and leaves the agent as it is. */
  async abandonFiles(): Promise<void> {
    this.over = true;
    this.stdin.close('The runner ends.');
    this.options.agent.close();
    await this.output.stop();
  }

  private async sendLine(key: string, line: string): Promise<void> {
    if (key.length > KEY_LENGTH_MAX) throw new AppError('VALIDATION_FAILED', 'The key of a line has at most 128 characters.');
    this.unsent.add(key);
    await new Promise<void>((resolve) => this.options.recorder.whenDurable(resolve));
    const write = this.stdin.write(`${line}\n`);
    this.lastWrite = write.catch(() => undefined);
    if (this.stdin.midLine) this.options.recorder.touch();
    try {
      await write;
    } finally {
      this.unsent.delete(key);
      this.options.recorder.touch();
    }
  }

  private async command(act: () => void): Promise<void> {
    this.guard(act);
    await this.options.recorder.flush();
  }

  /** An exception in a driver is our bug: the run cannot be trusted any more. */
  private guard(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.log('error', 'the driver failed', { err: error });
      this.abandon(`The driver failed: ${(error as Error).message}`);
    }
  }

  private suspend(why: 'pause' | 'backlog', on: boolean): void {
    const before = this.suspendedBy.size > 0;
    if (on) this.suspendedBy.add(why);
    else this.suspendedBy.delete(why);
    const now = this.suspendedBy.size > 0;
    if (why === 'backlog') this.log(on ? 'warn' : 'info', on ? 'agent suspended: it writes faster than its output can be kept' : 'agent goes on', {});
    if (now && !before) this.options.agent.processes.suspend();
    if (!now && before) this.options.agent.processes.resume();
  }

  private tail(stream: keyof Offsets, upTo: Offsets): TailOptions {
    const { decoding, lineBytesMax } = this.options.definition;
    const lines = stream === 'stdout' && decoding === 'lines';
    return {
      path: stream === 'stdout' ? this.options.files.stdout : this.options.files.stderr,
      splitter: lines ? new LineSplitter(lineBytesMax, upTo[stream]) : new TextSplitter(Math.min(lineBytesMax, COALESCE_BYTES_MAX), upTo[stream]),
      position: upTo[stream],
      base: this.progress.base[stream],
      onPieces: (pieces) => { for (const piece of pieces) this.take(stream, piece); },
      room: () => this.options.recorder.room(),
      discards: () => !lines && this.progress.outputBytes >= RUN_OUTPUT_BYTES_MAX,
      onDiscarded: (bytes, end) => {
        this.drop(bytes, end - bytes);
        this.options.recorder.decoded(stream, end);
        this.options.recorder.touch();
      },
    };
  }

  private take(stream: keyof Offsets, piece: Piece): void {
    this.options.recorder.decoded(stream, piece.end);
    this.guard(() => {
      if (stream === 'stdout') this.driver.stdout(piece);
      else if (this.driver.stderr) this.driver.stderr(piece);
      else this.emit({ type: 'output', stream: 'stderr', content: piece.text });
    });
  }

  private takesOutput(fact: Extract<RunFact, { type: 'output' | 'thought' }>): boolean {
    const bytes = Buffer.byteLength(fact.content);
    if (this.progress.outputBytes >= RUN_OUTPUT_BYTES_MAX) {
      this.drop(bytes, this.options.journal.progress.upTo.stdout);
      return false;
    }
    this.progress.outputBytes += bytes;
    return true;
  }

  /** Said at once when it begins, and with the whole number at the end. */
  private drop(bytes: number, fromOffset: number): void {
    if (this.progress.droppedBytes === 0) {
      this.dropFrom = fromOffset;
      this.options.recorder.emit({ type: 'output_dropped', bytes, fromOffset });
    }
    this.progress.droppedBytes += bytes;
  }
}
