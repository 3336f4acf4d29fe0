import type { Heartbeat } from '@orbitmesh/contracts';
import { AppError, type Manifest } from '@orbitmesh/domain';
import type { DriverDefinition } from '../drivers/driver.js';
import { START_SWEEP_MS, START_TIMEOUT_MS, STOP_GRACES_MS, SWEEP_GIVE_UP_MS } from '../limits.js';
import { RunProcesses } from '../process/run-processes.js';
import type { ProcessIdentity } from '../process/process-table.js';
import { environmentAgain, type AgentEnvironment } from './agent-environment.js';
import { AgentProcess, prepareFiles } from './agent-process.js';
import { DriverSession } from './driver-session.js';
import { failedStart, lastFactOf, type EndFact } from './run-end.js';
import type { RunEnvironment } from './run-environment.js';
import type { RunFiles } from './run-files.js';
import type { RunLog } from './run-log.js';
import { leftNothing, wrapperLeft } from './run-leftovers.js';
import { RecordKeeper, writeManifest, type EndIntent, type RunRecord, type TracedStart } from './run-record.js';
import { checkStart, claimRun, contextOf, type CheckedStart } from './run-start.js';
import { RunVoice } from './run-voice.js';
import { TreeEnd, type Graces } from './tree-end.js';

export type RunState = Heartbeat['runs'][number]['state'];

/**
 * One process life of a session's agent (design §7), from an accepted start to the acknowledgement of
 * its last fact. Commands only begin things; what came of them goes up as facts.
 */
export class Run {
  private readonly keeper: RecordKeeper;
  private readonly processes: RunProcesses;
  private readonly log: RunLog;
  private voice: RunVoice | undefined;
  private agent: AgentProcess | undefined;
  private session: DriverSession | undefined;
  private intent: EndIntent | undefined;
  private treeEnd: TreeEnd | undefined;
  private graces: Graces = STOP_GRACES_MS;
  private startTimer: NodeJS.Timeout | undefined;
  private ending = false;
  private ended = false;
  private dropped = false;
  private closing = false;

  constructor(
    private readonly env: RunEnvironment,
    private readonly files: RunFiles,
    record: RunRecord,
    private readonly manifest: Manifest,
    /** Nothing is left to do for it; it is in no heartbeat any more. */
    private readonly onClosed: (run: Run) => void,
  ) {
    const { sessionId, runId, epoch, traceId } = record;
    this.log = (level, message, fields = {}) => env.log(level, message, { sessionId, runId, epoch, traceId, ...fields });
    this.keeper = new RecordKeeper(files, record, this.log);
    this.processes = new RunProcesses(env.table, runId);
  }

  get runId(): string { return this.record.runId; }
  get sessionId(): string { return this.record.sessionId; }
  get epoch(): number { return this.record.epoch; }
  get providerType(): string { return this.manifest.provider.type; }
  get conversationId(): string { return this.record.conversationId; }
  /** It ended, and only waits for the acknowledgement of its last facts. */
  get isOver(): boolean { return this.ended; }
  /** It ended, and its disk did not take that: only the next runner can say it. */
  get isMute(): boolean { return this.ended && !this.closing && !this.voice?.journal.progress.ended; }
  /** Nothing of it was ever executed: no trace is kept. */
  get neverExecuted(): boolean { return this.record.phase === 'accepted'; }
  /** Facts that session-service has not acknowledged. */
  get unacked(): number { return this.voice?.journal.unacked.length ?? 0; }
  private get record(): RunRecord { return this.keeper.record; }
  get state(): RunState {
    if (this.ended) return 'ended';
    if (this.intent || this.ending) return 'ending';
    if (this.session?.paused) return 'paused';
    return this.session?.started ? 'running' : 'starting';
  }

  // How it begins.

  /** Puts the record on disk; from then on a restarted runner knows of it. */
  async accept(): Promise<void> {
    await writeManifest(this.files, this.manifest);
    await this.keeper.note({});
  }

  /** Claims the run and executes it. Never throws: whatever goes wrong becomes a fact. */
  async execute(request: TracedStart): Promise<void> {
    const claim = (): Promise<number | undefined> => claimRun(this.env, request, () => this.givenUp);
    try {
      const deadline = await claim();
      if (deadline === undefined) return this.drop();
      const prepared = await this.prepare(request);
      // Preparing takes ms; a machine that slept meanwhile has to ask again.
      if (performance.now() >= deadline && (await claim()) === undefined) return this.drop();
      if (this.intent) return await this.endWithoutAgent(this.intent);
      await this.launch(prepared);
    } catch (error) {
      await this.startFailed(error);
    }
  }

  /** A record found at boot: goes on with a living agent, finishes what a dead one left, or is as if it had not been asked for. Never throws. */
  async recover(): Promise<void> {
    try {
      const wrapper = await wrapperLeft(this.env.table, this.files, this.processes, this.record);
      const { entry } = this.record;
      if (!wrapper && (await leftNothing(this.env.table, this.files, this.processes, this.record))) return await this.keeper.note({ phase: 'accepted' }).then(() => this.drop());
      if (!wrapper || !entry) return await this.startFailed(new AppError('INTERNAL', 'The runner restarted before the agent was there.'));
      if (this.record.wrapper !== wrapper) await this.keeper.note({ phase: 'started', wrapper });
      this.intent = this.record.ending;
      const definition = this.env.driver(entry.driver);
      if (!definition) throw new AppError('CONFIG_INVALID', `The driver ${entry.driver} is not known any more.`);
      const environment = environmentAgain({ env: this.env, manifest: this.manifest, entry, runId: this.runId, pid: wrapper.pid, log: this.log });
      const voice = await this.openVoice(environment.secrets);
      if (voice.journal.progress.ended) return this.finished();
      await this.attach(wrapper, definition, environment);
    } catch (error) {
      await this.startFailed(error);
    }
  }

  // Commands, by RunnerRpc.

  stop(reason: string): void {
    this.log('info', 'stop', { reason });
    this.end({ cause: 'stopped' });
  }

  kill(reason: string): void {
    this.log('info', 'kill', { reason });
    this.end({ cause: 'killed' }, true);
  }

  /** The runner shuts down: shorter graces, for an end that is under way too. */
  shutdown(graces: Graces): void {
    this.graces = graces;
    this.voice?.leave();
    this.end({ cause: 'shutdown' });
    setTimeout(() => this.treeEnd?.kill(), graces.politeMs + graces.termMs).unref();
  }

  /** session-service does not want it any more: nobody takes its facts. */
  async lose(reason: string): Promise<void> {
    if (this.dropped) return;
    this.dropped = true;
    this.log('warn', 'run is given up', { reason });
    this.voice?.silence();
    this.end({ cause: 'lost' }, true);
    if (this.ended) await this.close();
  }

  /** The driver's session, for what only a started agent can do. @throws UNAVAILABLE, SESSION_ENDED */
  live(): DriverSession {
    if (this.ended || this.ending) throw new AppError('SESSION_ENDED', 'The agent of this run is being ended.');
    if (!this.session) throw new AppError('UNAVAILABLE', 'The agent of this run is only starting.');
    return this.session;
  }

  status(): { state: string; activity: string; pid: number | null; queuedInputs: number } {
    const driver = this.session?.status();
    return { state: this.state, activity: driver?.activity ?? 'idle', pid: this.agent?.pid ?? null, queuedInputs: driver?.queuedInputs ?? 0 };
  }

  /** Lets go of the agent, which works on. */
  async leave(): Promise<void> {
    clearTimeout(this.startTimer);
    this.voice?.leave();
    await this.session?.release();
    this.agent?.close();
    await this.voice?.close(true);
  }

  private async prepare(request: TracedStart): Promise<CheckedStart> {
    const checked = await checkStart(this.env, this.files, this.manifest, request);
    const { entry, workingDir, stateDir, environment } = checked;
    prepareFiles(this.files, this.env.cliEntry);
    await this.openVoice(environment.secrets);
    await this.keeper.note({ phase: 'executing', entry, workingDir, stateDir, bootId: this.env.table.bootId });
    return checked;
  }

  private async launch({ definition, environment, command, workingDir }: CheckedStart): Promise<void> {
    const wrapper = await AgentProcess.launch({ dir: this.files.dir, command, workingDir, environment: environment.variables, userUmask: this.env.userUmask }, this.env.table);
    this.processes.know({ wrapper });
    await this.keeper.note({ phase: 'started', wrapper });
    this.startTimer = setTimeout(() => this.end({ startFailed: 'start_timeout', message: 'The agent was not ready within 60 s.' }), START_TIMEOUT_MS);
    await this.attach(wrapper, definition, environment);
  }

  private async attach(wrapper: ProcessIdentity, definition: DriverDefinition, environment: AgentEnvironment): Promise<void> {
    const { journal, recorder } = this.voice!;
    this.agent = await AgentProcess.attach(this.files, this.env.table, this.processes, wrapper, this.log);
    this.session = new DriverSession({
      definition, context: contextOf(this.record, this.manifest, this.files, environment), files: this.files, agent: this.agent, journal, recorder, log: this.log, newId: this.env.newId,
      onStarted: () => clearTimeout(this.startTimer),
      onStartFailed: (code, message) => this.end({ startFailed: code, message }),
      onFlooded: (message) => this.end({ startFailed: 'start_failed', message }, true),
      onAbandoned: (message) => this.end({ cause: 'crashed', message }),
    });
    await this.session.begin();
    this.log('info', 'agent attached', { pid: this.agent.pid, started: this.session.started });
    void this.agent.exited.then(() => this.endTree());
    if (this.intent) void this.endTree();
  }

  private async openVoice(secrets: string[]): Promise<RunVoice> {
    this.voice ??= await RunVoice.open({
      env: this.env, dir: this.files.facts, run: this.record, secrets, log: this.log,
      changes: () => this.session?.changes() ?? {}, onRefused: (reason) => void this.lose(reason),
      onAcknowledged: () => { if (this.ended && this.voice!.silent) void this.close(); },
    });
    return this.voice;
  }

  // The end.

  /** Nobody would learn what came of it: a start that waits for its claim need not go on. */
  private get givenUp(): boolean { return this.dropped || (this.intent !== undefined && 'cause' in this.intent && this.intent.cause === 'shutdown'); }

  /** The first intent counts; a kill makes a stop that is under way faster. */
  private end(intent: EndIntent, atOnce = false): void {
    if (this.ended) return;
    const gentler = this.intent && 'cause' in this.intent && (this.intent.cause === 'stopped' || this.intent.cause === 'shutdown');
    if (!this.intent || (gentler && 'cause' in intent && intent.cause === 'killed')) {
      this.intent = intent;
      if (!this.neverExecuted) void this.keeper.noteEnd(intent);
    }
    if (this.session) void this.endTree();
    if (atOnce) this.treeEnd?.kill();
  }

  private async endTree(): Promise<void> {
    if (this.ending) return;
    this.ending = true;
    clearTimeout(this.startTimer);
    try {
      this.treeEnd = new TreeEnd(this.agent!, this.session!);
      if (this.dropped || (this.intent && 'cause' in this.intent && this.intent.cause === 'killed')) this.treeEnd.kill();
      const left = await this.treeEnd.run(this.graces);
      if (left > 0) this.log('error', 'processes of a run could not be ended', { pids: this.processes.members({ keepers: true }).map(({ pid }) => pid) });
      const exit = this.agent!.exit ?? { exitCode: null, signal: null };
      await this.session!.finish(exit, () => (this.intent ? this.graces.drainMs : Infinity));
      await this.sayLast(lastFactOf(this.intent, exit, left));
    } catch (error) {
      this.log('error', 'a run could not be ended in order', { err: error });
      await this.sayLast({ type: 'run_ended', cause: 'crashed', message: 'The runner failed while it ended the run.', left: await this.processes.sweep(SWEEP_GIVE_UP_MS, { keepers: true, patient: true }) });
    }
  }

  private async startFailed(error: unknown): Promise<void> {
    const known = error instanceof AppError;
    // A message may quote what the agent wrote: it goes up as a fact, redacted, and into no log.
    this.log(known ? 'warn' : 'error', 'start failed', known ? { code: error.code } : { err: error });
    await this.endWithoutAgent(failedStart(error));
  }

  /** Nothing was started, or it was gone before it could be attached. */
  private async endWithoutAgent(intent: EndIntent): Promise<void> {
    clearTimeout(this.startTimer);
    this.intent = intent;
    this.ending = true;
    this.agent?.close();
    try {
      const left = await this.processes.sweep(START_SWEEP_MS, { keepers: true });
      if (this.neverExecuted) await this.keeper.note({ phase: 'executing' });
      const { journal } = await this.openVoice([]);
      if (journal.progress.ended) return this.finished();
      const crashed: EndFact = { type: 'run_ended', cause: 'crashed', left, ...(intent.message === undefined ? {} : { message: intent.message }) };
      await this.sayLast(journal.progress.started ? crashed : lastFactOf(intent, { exitCode: null, signal: null }, left));
    } catch (error) {
      this.log('error', 'a failed start could not be recorded', { err: error });
      this.drop();
    }
  }

  private async sayLast(fact: EndFact): Promise<void> {
    await this.voice!.sayLast(fact);
    this.log('info', 'run ended', { fact: fact.type, ...('cause' in fact ? { cause: fact.cause, exitCode: fact.exitCode, left: fact.left } : { code: fact.code }) });
    this.finished();
  }

  private finished(): void {
    this.ended = true;
    if (this.dropped || this.voice!.silent) void this.close();
  }

  /** Never executed and not to be: as if it had not been asked for. */
  private drop(): void {
    this.dropped = this.ended = true;
    void this.close();
  }

  /** The last fact is acknowledged, or nobody wants it: only the raw frames are kept. */
  private async close(): Promise<void> {
    if (this.closing) return;
    this.closing = true;
    if (!this.neverExecuted) await this.keeper.noteQuietly({ phase: 'closed' });
    await this.voice?.close(false).catch((error: unknown) => this.log('warn', 'the journal of a run that is over could not be closed', { err: error }));
    this.onClosed(this);
  }
}
