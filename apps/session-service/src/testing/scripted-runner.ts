import type { NumberedFact, ProviderInfo, RunFact } from '@orbitmesh/domain';
import { AppError } from '@orbitmesh/domain';
import {
  AnyRunnerRpc, HEARTBEAT_MS, RunnerRpc, SessionRpc, type Heartbeat, type HeartbeatReply, type Rpc, type RunCommand, type StartRun,
} from '@orbitmesh/contracts';
import type { Stop } from '../kernel/clock.js';
import type { FakeClock } from './fake-clock.js';

/** What a scripted runner needs of a bus: NATS or not. */
export interface RunnerBus {
  serve<Req, Res>(rpc: Rpc<Req, Res>, handler: (req: Req) => Res | Promise<Res>, options?: { runnerId?: string }): void;
  request<Req, Res>(rpc: Rpc<Req, Res>, req: Req, options?: { runnerId?: string }): Promise<Res>;
}

export interface ScriptedRun { start: StartRun; claimed: boolean; runSeq: number; ended: boolean }

export const DEMO: ProviderInfo = {
  name: 'demo', driver: 'acp', installed: true, version: '1', detail: null,
  capabilities: { pause: 'hold', input: true, interrupt: true, steer: false, approvals: true, mcp: true, usage: true, recover: true, continue: false },
};

export interface RunnerScript {
  capacity?: number;
  startsAtOnce?: number;
  providers?: ProviderInfo[];
  labels?: Record<string, string>;
  roots?: string[];
  /** @default true: a start is claimed, and running at once. */
  claims?: boolean;
  starts?: boolean;
  /** @default true: stop, kill, pause, resume, inputs and answers are done at once. */
  obeys?: boolean;
  /** @default every one: commands that its agents can follow. */
  supports?: (to: string) => boolean;
  /** Why it can start nothing, as its heartbeats say. */
  problem?: string;
  /** Thrown by start. */
  refusal?: AppError;
  directories?: (path: string) => boolean;
}

/** A runner that speaks the contracts and holds nothing: what it "sees" is what the test says. */
export class ScriptedRunner {
  readonly runs = new Map<string, ScriptedRun>();
  readonly received: { to: string; command: RunCommand & Record<string, unknown> }[] = [];
  readonly replies: HeartbeatReply[] = [];
  incarnation = 'inc-1';
  private n = 0;
  private stopBeating: Stop = () => undefined;

  constructor(private readonly bus: RunnerBus, private readonly clock: FakeClock, readonly id = 'slot-0', readonly script: RunnerScript = {}) {}

  /** Serves, and beats from now on with the clock. */
  async join(): Promise<this> {
    this.serve();
    this.stopBeating = this.clock.every(HEARTBEAT_MS, () => void this.beat().catch(() => undefined));
    await this.beat();
    return this;
  }

  leave(): void {
    this.stopBeating();
  }

  async beat(more: Partial<Heartbeat> = {}): Promise<HeartbeatReply> {
    const reply = await this.bus.request(SessionRpc.heartbeat, { ...this.heartbeat(), ...more });
    this.replies.push(reply);
    return reply;
  }

  /** Facts of a session's run, numbered on; acknowledged when this resolves. */
  async saw(sessionId: string, ...facts: RunFact[]): Promise<{ ackedRunSeq: number; stale?: boolean }> {
    const run = this.run(sessionId);
    const numbered: NumberedFact[] = facts.map((fact) => ({ runSeq: (run.runSeq += 1), at: new Date(this.clock.wall()).toISOString(), fact }));
    return this.send(run, numbered);
  }

  send({ start: { sessionId, runId, epoch } }: ScriptedRun, facts: NumberedFact[]): Promise<{ ackedRunSeq: number; stale?: boolean }> {
    return this.bus.request(SessionRpc.facts, { runnerId: this.id, sessionId, runId, epoch, facts });
  }

  async claim({ start: { sessionId, runId, epoch } }: Pick<ScriptedRun, 'start'>): Promise<void> {
    await this.bus.request(SessionRpc.claimRun, { runnerId: this.id, incarnation: this.incarnation, sessionId, runId, epoch });
  }

  run(sessionId: string): ScriptedRun {
    const run = [...this.runs.values()].filter(({ start }) => start.sessionId === sessionId).at(-1);
    if (!run) throw new Error(`the runner has no run of ${sessionId}`);
    return run;
  }

  heard(to: string): (RunCommand & Record<string, unknown>)[] {
    return this.received.filter((message) => message.to === to).map(({ command }) => command);
  }

  private serve(): void {
    const runnerId = this.id;
    this.bus.serve(RunnerRpc.start, (req) => this.start(req), { runnerId });
    for (const to of ['stop', 'kill', 'pause', 'resume', 'interrupt', 'input', 'answerApproval'] as const) {
      this.bus.serve(RunnerRpc[to] as Rpc<RunCommand, { accepted: true }>, (req) => this.obey(to, req as RunCommand & Record<string, unknown>), { runnerId });
    }
    this.bus.serve(RunnerRpc.resolveDirectory, (question) => this.look(question.path), { runnerId });
    this.bus.serve(AnyRunnerRpc.resolveDirectory, (question) => this.look(question.path));
  }

  private look(path: string): { realPath: string } {
    if (this.script.directories && !this.script.directories(path)) throw new AppError('WORKING_DIR_INVALID', `${path} is no directory.`);
    return { realPath: path };
  }

  private start(start: StartRun): { accepted: true } {
    this.received.push({ to: 'start', command: start as StartRun & Record<string, unknown> });
    if (this.script.refusal) throw this.script.refusal;
    if (!this.runs.has(start.runId)) this.look(start.manifest.workingDir);
    const known = this.runs.has(start.runId);
    if (!known) this.runs.set(start.runId, { start, claimed: false, runSeq: 0, ended: false });
    if (!known && this.script.claims !== false) void this.begin(this.runs.get(start.runId)!);
    return { accepted: true };
  }

  private async begin(run: ScriptedRun): Promise<void> {
    try {
      await this.claim(run);
    } catch {
      // Refused: dropped, as a runner does.
      this.runs.delete(run.start.runId);
      return;
    }
    run.claimed = true;
    if (this.script.starts === false) return;
    // Lost with the service it was told to: a test that goes on would see it missing.
    await this.saw(run.start.sessionId, { type: 'run_started', pid: 1 }, { type: 'turn_started' }).catch(() => undefined);
  }

  private obey(to: string, command: RunCommand & Record<string, unknown>): { accepted: true } {
    this.received.push({ to, command });
    const run = this.runs.get(command.runId);
    if (!run || run.ended) throw new AppError('RUN_NOT_FOUND');
    if (this.script.supports?.(to) === false) throw new AppError('NOT_SUPPORTED', `This agent cannot ${to}.`);
    if (this.script.obeys !== false) {
      const fact = factOf(to, command);
      run.ended = fact.type === 'run_ended';
      void this.saw(command.sessionId, fact).then(() => { if (run.ended) this.runs.delete(command.runId); }, () => undefined);
    }
    return { accepted: true };
  }

  private heartbeat(): Heartbeat {
    return {
      runnerId: this.id, incarnation: this.incarnation, n: (this.n += 1), pid: 1, host: 'h', version: '0', capacity: this.script.capacity ?? 16, ...(this.script.startsAtOnce && { startsAtOnce: this.script.startsAtOnce }),
      labels: this.script.labels ?? {}, ...(this.script.roots && { roots: this.script.roots }), draining: false, ...(this.script.problem && { problem: this.script.problem }), providers: this.script.providers ?? [DEMO],
      runs: [...this.runs.values()].map(({ start: { sessionId, runId, epoch }, claimed }) => ({ sessionId, runId, epoch, state: claimed ? 'running' : 'starting' })),
    };
  }
}

function factOf(to: string, command: Record<string, unknown>): RunFact {
  switch (to) {
    case 'stop': return { type: 'run_ended', cause: 'stopped', exitCode: 0, left: 0 };
    case 'kill': return { type: 'run_ended', cause: 'killed', signal: 'SIGKILL', left: 0 };
    case 'pause': return { type: 'paused' };
    case 'resume': return { type: 'resumed' };
    case 'interrupt': return { type: 'turn_ended', stopReason: 'cancelled' };
    case 'input': return { type: 'input_delivered', inputId: command.inputId as string };
    default: return { type: 'approval_delivered', approvalId: command.approvalId as string };
  }
}
