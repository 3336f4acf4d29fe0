import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunCommand } from '@orbitmesh/contracts';
import { AppError, assertId } from '@orbitmesh/domain';
import { compressFile } from '../files/compress-file.js';
import { SHUTDOWN_ACK_MS, SHUTDOWN_GRACES_MS, SWEEP_GIVE_UP_MS } from '../limits.js';
import { RunProcesses } from '../process/run-processes.js';
import { isTaken } from '../process/taken-run.js';
import type { RunEnvironment } from '../run/run-environment.js';
import type { RunFiles } from '../run/run-files.js';
import { readManifest, readRecord, recordOf, type RunRecord, type TracedStart } from '../run/run-record.js';
import { Run } from '../run/run.js';
import { resolveWorkingDir } from '../run/working-dir.js';
import type { RunDirectory } from './run-directory.js';
import { sweepStrays } from './strays.js';

/** The runs of one runner: takes starts, finds runs by command, recovers them at boot, ends them at shutdown. */
export class RunnerService {
  private readonly runs = new Map<string, { run: Run; files: RunFiles; accepted: Promise<void> }>();
  /** One at a time: it is work for a processor that agents need. */
  private compressing: Promise<void> = Promise.resolve();
  private stopping = false;

  constructor(
    private readonly env: RunEnvironment,
    private readonly directory: RunDirectory,
    private readonly capacity: number,
  ) {}

  get draining(): boolean {
    return this.stopping;
  }

  /** What heartbeats list: everything that session-service may still hear of. */
  list(): Run[] {
    return [...this.runs.values()].map(({ run }) => run);
  }

  /** Resolves when the start is on disk; a repeated start is the same start. @throws LIMIT_REACHED, UNAVAILABLE, CONFLICT, WORKING_DIR_INVALID */
  async start(request: TracedStart): Promise<void> {
    for (const [name, id] of Object.entries({ runId: request.runId, sessionId: request.sessionId, projectId: request.manifest.projectId })) assertId(id, name);
    const known = this.runs.get(request.runId);
    if (known) {
      if (known.run.epoch !== request.epoch) throw new AppError('CONFLICT', 'The run is known under another epoch.', { runId: request.runId });
      return known.accepted;
    }
    if (this.stopping) throw new AppError('UNAVAILABLE', 'The runner is shutting down.');
    const before = this.list().find((run) => run.conversationId === request.conversationId && !run.isOver && !run.neverExecuted);
    if (before) throw new AppError('LIMIT_REACHED', 'An earlier agent of this conversation is still being ended.', { runId: before.runId });
    if (this.list().filter((run) => !run.isOver).length >= this.capacity) throw new AppError('LIMIT_REACHED', 'The runner is full.', { capacity: this.capacity });
    // Another runner may have it: refused before anything is on record. It is looked at once more right before the agent is started.
    resolveWorkingDir(request.manifest.workingDir, request.roots, this.env.home, this.env.ownRoots);
    await this.begin(request);
  }

  /** @throws RUN_NOT_FOUND when this runner does not hold the run under that epoch */
  find(command: RunCommand): Run {
    const run = this.runs.get(command.runId)?.run;
    if (!run || run.epoch !== command.epoch || run.sessionId !== command.sessionId) {
      throw new AppError('RUN_NOT_FOUND', undefined, { runId: command.runId, epoch: command.epoch });
    }
    return run;
  }

  /** Every run of this slot that a former process left: goes on with it, finishes it, or forgets it. */
  async recover(): Promise<void> {
    const open: Promise<void>[] = [];
    // All at once: one that has to be waited for must not hold up the others.
    for (const files of this.directory.list()) open.push(this.recoverFrom(files));
    open.push(sweepStrays(this.env));
    await Promise.all(open);
  }

  /**
   * Design §10: all agents at once, with short graces; then a bounded wait for the last acknowledgements.
   * @returns the runs whose end the disk did not take: the next runner says it
   */
  async shutdown(options: { keepAgents: boolean }): Promise<string[]> {
    this.stopping = true;
    if (!options.keepAgents) {
      for (const run of this.list()) run.shutdown(SHUTDOWN_GRACES_MS);
      await this.until(() => this.list().every((run) => run.isOver), SHUTDOWN_GRACES_MS.politeMs + SHUTDOWN_GRACES_MS.termMs + 1_000);
      await this.until(() => this.list().every((run) => run.isMute), SHUTDOWN_ACK_MS);
      await sweepStrays(this.env);
    }
    await Promise.all(this.list().map((run) => run.leave()));
    return this.list().filter((run) => run.isMute).map(({ runId }) => runId);
  }

  private async begin(asked: TracedStart): Promise<void> {
    const request = { ...asked, apiUrl: this.env.apiUrl ?? asked.apiUrl };
    let files: RunFiles;
    try {
      files = this.directory.create(request.runId);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw this.unkept(cause);
      throw new AppError('CONFLICT', 'This run has ended.', { runId: request.runId });
    }
    const record = recordOf(request, files, this.env.installationId, this.env.runnerId);
    const run = new Run(this.env, files, record, request.manifest, (closed) => this.forget(closed));
    const accepted = run.accept();
    this.runs.set(request.runId, { run, files, accepted });
    try {
      await accepted;
    } catch (error) {
      this.runs.delete(request.runId);
      this.directory.remove(files);
      throw this.unkept(error);
    }
    void run.execute(request);
  }

  /** Nothing is executed that is not on record: the session goes elsewhere, or waits until the disk takes writes again. */
  private unkept(cause: unknown): AppError {
    this.env.disk.failed(cause);
    return new AppError('LIMIT_REACHED', `The runner can start nothing now: ${this.env.disk.problem}.`, {}, { cause });
  }

  /** The end of the run was told; what could not be ended then, or came to light since, is ended now. */
  private async sweepEnded(files: RunFiles): Promise<void> {
    const { found, left } = await this.sweep(files);
    if (found > 0) this.env.log('warn', 'processes of a run that has ended were still there', { runId: basename(files.dir), found, left });
  }

  /** Nothing of it is to live on, unless a runner of another home has it. */
  private async sweep({ dir }: RunFiles): Promise<{ found: number; left: number }> {
    const runId = basename(dir);
    const processes = new RunProcesses(this.env.table, runId);
    const found = (await processes.nextMembers({ keepers: true })).length;
    if (found === 0 || (await isTaken(this.env.table, runId, dir))) return { found: 0, left: 0 };
    return { found, left: await processes.sweep(SWEEP_GIVE_UP_MS, { keepers: true }) };
  }

  /** Never throws: a run whose files are damaged is given up, and hurts no other. */
  private async recoverFrom(files: RunFiles): Promise<void> {
    try {
      const record = readRecord(files);
      if (record.phase === 'closed') this.keep(files);
      await (record.phase === 'closed' ? this.sweepEnded(files) : this.recoverRun(files, record));
    } catch (error) {
      await this.giveUp(files, error);
    }
  }

  /** Nobody could say what it does: nothing of it lives on, its owner learns that it is not held, and its files are left as they are. */
  private async giveUp(files: RunFiles, error: unknown): Promise<void> {
    const runId = basename(files.dir);
    const { left } = await this.sweep(files);
    const neverAccepted = (error as NodeJS.ErrnoException).code === 'ENOENT' && !existsSync(files.record);
    if (neverAccepted && left === 0) this.directory.remove(files);
    else this.env.log('error', 'a run cannot be read and is given up', { err: error, runId, left });
  }

  private async recoverRun(files: RunFiles, record: RunRecord): Promise<void> {
    const own = record.installationId === this.env.installationId;
    if (!own || record.phase === 'accepted') {
      // Not of this installation, or nothing was executed yet: its owner places it anew.
      this.env.log('warn', own ? 'an unexecuted start is forgotten' : 'a run of another installation is not ours to report', { runId: record.runId });
      const { left } = await this.sweep(files);
      if (left === 0 && own) this.directory.remove(files);
      return;
    }
    const run = new Run(this.env, files, record, readManifest(files), (closed) => this.forget(closed));
    this.runs.set(record.runId, { run, files, accepted: Promise.resolve() });
    await run.recover();
    if (run.neverExecuted) this.env.log('warn', 'a start that had executed nothing is forgotten', { runId: record.runId });
    else if (run.isOver) await this.sweepEnded(files);
  }

  private forget(run: Run): void {
    const known = this.runs.get(run.runId);
    if (known?.run !== run) return;
    this.runs.delete(run.runId);
    if (run.neverExecuted) this.directory.remove(known.files);
    else this.keep(known.files);
    this.pruneStates(run);
  }

  /** Of a run that has ended: its raw frames, compressed. One that is removed meanwhile has none. */
  private keep(files: RunFiles): void {
    const told = (error: unknown, message: string): void => this.env.log('warn', message, { err: error, runId: basename(files.dir) });
    try {
      this.directory.keep(files);
    } catch (error) {
      told(error, 'what is kept of ended runs is too much, and one of them could not be removed');
    }
    for (const path of [files.stdout, files.stderr]) {
      this.compressing = this.compressing.then(() => (this.stopping ? undefined : compressFile(path))).then(() => this.directory.compressed(files)).catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') told(error, 'what a run has said could not be compressed');
      });
    }
  }

  /** What its agent kept is the newest there is; what is in use is never taken away. */
  private pruneStates({ providerType, conversationId }: Run): void {
    const inUse = (): Set<string> => new Set(this.list().filter((run) => run.providerType === providerType).map((run) => run.conversationId));
    this.env.agentStates.ended(providerType, conversationId, inUse).catch((error: unknown) => {
      this.env.log('warn', 'what agents kept of old conversations could not be removed', { err: error, provider: providerType });
    });
  }

  private async until(done: () => boolean, ms: number): Promise<void> {
    for (const deadline = performance.now() + ms; !done() && performance.now() < deadline; ) await delay(20);
  }
}
