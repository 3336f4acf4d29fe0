import { AppError, type Capabilities, type IdKind } from '@orbitmesh/domain';
import { capabilitiesOf } from '../drivers/capabilities.js';
import type { Driver, DriverDefinition, DriverFact, DriverHost, DriverStatus, Piece, ProcessExit, RunContext } from '../drivers/driver.js';
import type { RunOutput } from '../files/run-output.js';
import { forgetRest, recoverRawFile } from '../files/raw-file.js';
import type { FactJournal, Offsets, RunProgress } from '../journal/fact-journal.js';
import type { StepRecorder } from '../journal/step-recorder.js';
import { DRIVER_STATE_BYTES_MAX } from '../limits.js';
import { AgentInput } from './agent-input.js';
import type { AgentProcess } from './agent-process.js';
import { OutputBudget } from './output-budget.js';
import type { RunFiles } from './run-files.js';
import type { RunLog } from './run-log.js';
import { followOutput } from './session-output.js';
import { Suspension } from './suspension.js';
import { UnparsedFrames } from './unparsed-frames.js';

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
  /** What has started writes a lot, and nothing of its protocol. */
  onFlooded(message: string): void;
  /** The conversation is over, by the agent's fault or by an error of ours in the driver. */
  onAbandoned(message: string): void;
}

/** A living agent and its driver: output goes in, facts come out, lines go to stdin, all in journaled steps. */
export class DriverSession implements DriverHost {
  private readonly driver: Driver;
  private readonly agentInput: AgentInput;
  private readonly budget: OutputBudget;
  private readonly unparsedFrames: UnparsedFrames;
  private readonly takenInputs = new Set<string>();
  private readonly suspension: Suspension;
  private readonly base: Offsets;
  private output: RunOutput | undefined;
  private begun = false;
  private wasStarted: boolean;
  private isPaused: boolean;
  private lastDriverState = '';
  private over = false;

  constructor(private readonly options: DriverSessionOptions) {
    const { journal, recorder, files, agent } = options;
    const { base, started, paused, outputBytes, droppedBytes, unparsed, upTo } = journal.progress;
    this.wasStarted = started;
    this.isPaused = paused;
    this.base = { stdout: recoverRawFile(files.stdout, base.stdout), stderr: recoverRawFile(files.stderr, base.stderr) };
    this.budget = new OutputBudget({ recorder, progress: { outputBytes, droppedBytes }, upTo: upTo.stdout, onExhausted: () => this.abandon('The agent says more than a run may.') });
    this.unparsedFrames = new UnparsedFrames({ ...unparsed }, (fact) => this.emit(fact));
    this.suspension = new Suspension(agent.processes);
    this.agentInput = new AgentInput(files.stdin, agent, recorder, journal.progress);
    this.driver = options.definition.create(this);
  }

  get run(): RunContext { return this.options.context; }
  get pid(): number { return this.options.agent.pid; }
  get started(): boolean { return this.wasStarted; }
  get paused(): boolean { return this.isPaused; }
  get capabilities(): Capabilities { return capabilitiesOf(this.options.definition, this.run.entry); }

  /** Begins, or goes on where the journal says a former runner was. */
  async begin(): Promise<void> {
    const { driver } = this.options.journal.progress;
    await this.settleRawFiles();
    // A former runner may have died while the agent was suspended.
    if (driver !== null) await this.suspension.recover(this.isPaused && this.capabilities.pause === 'freeze');
    this.begun = true;
    if (driver === null) {
      this.guard(() => this.driver.start());
    } else {
      this.guard(() => this.driver.recover({ state: driver.state, stateVersion: driver.version, unsent: this.agentInput.takeLost() }));
      this.agentInput.forgetResumed();
    }
    this.output = this.follow();
    this.options.recorder.touch();
  }

  /** What a step writes beside its facts. */
  changes(): Partial<RunProgress> {
    const changes: Partial<RunProgress> = {
      ...this.agentInput.progress, ...this.budget.progress, unparsed: { ...this.unparsedFrames.progress }, base: { ...this.base }, started: this.wasStarted, paused: this.isPaused,
    };
    let json = this.lastDriverState;
    // A driver that has not begun knows nothing yet; its former snapshot stays.
    if (this.begun) this.guard(() => { json = JSON.stringify(this.driver.snapshot()); });
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
      if (this.wasStarted) return;
      this.wasStarted = true;
      this.options.onStarted();
    }
    if (fact.type === 'paused' || fact.type === 'resumed') this.isPaused = fact.type === 'paused';
    this.budget.say(fact, this.options.journal.progress.upTo.stdout);
  }

  send(key: string, line: string): Promise<void> {
    const sent = this.agentInput.send(key, line);
    // A driver may not be interested; a rejection that nobody takes would end the process.
    sent.catch(() => undefined);
    return sent;
  }

  closeStdin(): void {
    this.agentInput.close();
  }

  failStart(code: Parameters<DriverHost['failStart']>[0], message: string): void {
    if (this.wasStarted) this.abandon(message);
    else this.options.onStartFailed(code, message);
  }

  abandon(message: string): void {
    this.options.onAbandoned(message);
  }

  unparsed(frame: string): void {
    this.unparsedFrames.take(frame);
    if (!this.wasStarted && this.unparsedFrames.areTooManyToStart) this.options.onFlooded('The agent writes much that is not of its protocol: is this the right command, with the right arguments?');
  }

  newId(kind: IdKind): string {
    return this.options.newId(kind);
  }

  log(level: Parameters<RunLog>[0], message: string, fields?: Record<string, unknown>): void {
    this.options.log(level, message, fields);
  }

  // Commands.

  /** Resolves when it is durable that the input was taken. @throws UNAVAILABLE */
  async input(input: Parameters<Driver['input']>[0]): Promise<void> {
    this.assertHeld();
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
    if (this.isPaused) return;
    if (this.capabilities.pause === 'hold') return this.command(() => this.driver.pause());
    this.suspension.set('pause', true);
    await this.command(() => this.emit({ type: 'paused' }));
  }

  async resume(): Promise<void> {
    if (!this.isPaused) return;
    if (this.capabilities.pause === 'hold') return this.command(() => this.driver.resume());
    this.suspension.set('pause', false);
    await this.command(() => this.emit({ type: 'resumed' }));
  }

  status(): DriverStatus {
    return this.driver.status();
  }

  // The end.

  /** Interrupts what runs and takes nothing more; frozen processes can only end when they run. */
  stop(): void {
    this.suspension.set('pause', false);
    this.guard(() => this.driver.stop());
    this.options.recorder.touch();
  }

  /** Closes stdin now, whatever still waits to be read. */
  dropStdin(): void {
    this.agentInput.drop();
  }

  /**
   * No process is left: decodes what is left, as long as it may take, lets the driver say its last, and
   * makes all of it durable.
   */
  async finish(exit: ProcessExit, drainMs: () => number): Promise<void> {
    this.agentInput.end();
    await this.output?.drain(drainMs);
    this.guard(() => this.driver.exited(exit));
    this.unparsedFrames.sum();
    this.budget.sum();
    this.over = true;
    this.options.agent.close();
    await this.options.recorder.flush();
  }

  /** Lets go of everything and leaves the agent as it is. */
  async release(): Promise<void> {
    this.over = true;
    this.agentInput.release();
    this.options.agent.close();
    await this.output?.stop();
  }

  private follow(): RunOutput {
    const { definition, files, journal, recorder, agent } = this.options;
    return followOutput({
      definition, files, journal, recorder, agent, budget: this.budget, base: this.base,
      take: (stream, piece) => this.take(stream, piece),
      onBacklog: (on) => this.onBacklog(on),
      onFailed: (error) => {
        this.log('error', 'the output of a run cannot be kept', { err: error });
        this.abandon('The runner could not read or keep the output of this run.');
      },
    });
  }

  /** A file that a former runner was about to shorten begins elsewhere: journaled before the agent goes on. */
  private async settleRawFiles(): Promise<void> {
    const { base } = this.options.journal.progress;
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.base[stream] !== base[stream]) await this.options.recorder.flush();
      forgetRest(this.options.files[stream]);
    }
  }

  private async command(act: () => void): Promise<void> {
    this.assertHeld();
    this.guard(act);
    await this.options.recorder.flush();
  }

  /** What a driver says is not heard any more: a command it took now would come to nothing, and be known as taken. */
  private assertHeld(): void {
    if (this.over) throw new AppError('UNAVAILABLE', 'The runner lets go of this run.');
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

  private onBacklog(on: boolean): void {
    this.log(on ? 'warn' : 'info', on ? 'agent suspended: it writes faster than its output can be kept' : 'agent goes on');
    this.emit({ type: 'metadata', key: 'suspended', value: on ? 'its output cannot be kept as fast as it is written' : 'no' });
    this.suspension.set('backlog', on);
  }

  private take(stream: keyof Offsets, piece: Piece): void {
    // Not decoded is not lost: the next runner goes on at the journaled offset.
    if (this.over) return;
    this.options.recorder.decoded(stream, piece.end);
    this.guard(() => {
      if (stream === 'stdout') this.driver.stdout(piece);
      else if (this.driver.stderr) this.driver.stderr(piece);
      else this.emit({ type: 'output', stream: 'stderr', content: piece.text });
    });
  }
}
