import { readdirSync } from 'node:fs';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import type { Capabilities, Manifest, RunFact } from '@orbitmesh/domain';
import { eventually } from '../eventually.js';
import type { ConformingDriver } from './conforming-driver.js';
import { RunnerWorld } from './runner-world.js';

type FactType = RunFact['type'];
type FactOf<T extends FactType> = Extract<RunFact, { type: T }>;
type Command = Exclude<keyof typeof RunnerRpc, 'start' | 'status'>;

/** Lines of `counting`. */
export const COUNT = 60;
/** An agent of somebody else may take long to start on a busy machine. */
const PATIENCE_MS = 30_000;

/** One runner for all tests of a driver, and what they ask of it. */
export class Bench {
  world!: RunnerWorld;
  can!: Capabilities;

  constructor(readonly driver: ConformingDriver) {}

  get frozenProvider(): string {
    return `${this.driver.provider}-frozen`;
  }

  async open(): Promise<void> {
    const { providers, provider, runnerMain } = this.driver;
    const entry = providers[provider];
    if (!entry) throw new Error(`providers has no ${provider}.`);
    this.world = await RunnerWorld.create(runnerMain);
    this.world.providers({ ...providers, [this.frozenProvider]: { ...entry, custom: { ...entry.custom, freeze: true } } });
    await this.world.startRunner();
    this.can = await this.capabilitiesOf(provider);
  }

  /** As the runner tells them in its heartbeats, once it has found the agent installed. */
  async capabilitiesOf(provider: string): Promise<Capabilities> {
    const info = await eventually(
      () => this.world.session.heartbeats.at(-1)?.providers.find((one) => one.name === provider && one.installed),
      { what: `${provider}, installed`, timeoutMs: PATIENCE_MS },
    );
    return info.capabilities;
  }

  start(manifest: Partial<Manifest>, { provider = this.driver.provider, request = {} as Partial<StartRun> } = {}): Promise<StartRun> {
    // Whatever the author wrote there: it is the entry under test that is started.
    const own = manifest.provider && { provider: { ...manifest.provider, type: provider } };
    return this.world.start(provider, { manifest: { ...manifest, ...own }, request });
  }

  /** A run whose agent says its numbers, from the first one on. */
  async counting(options: Parameters<Bench['start']>[1] = {}): Promise<StartRun> {
    const run = await this.start(this.driver.counting, options);
    await this.until(() => this.numbers(run).length > 0, 'the first number');
    return run;
  }

  /** A run whose agent has said all its numbers, and is there for input. */
  async idle(options: Parameters<Bench['start']>[1] = {}): Promise<StartRun> {
    const run = await this.start(this.driver.counting, options);
    await this.until(() => this.numbers(run).length === COUNT, 'all numbers');
    // Only a driver with turns can be interrupted; one of it ends here.
    if (this.can.interrupt) await this.said(run, 'turn_ended');
    return run;
  }

  command(name: Command, run: StartRun, more: object = {}): Promise<unknown> {
    const { sessionId, runId, epoch } = run;
    return this.world.session.bus.request(RunnerRpc[name] as typeof RunnerRpc.stop, { sessionId, runId, epoch, reason: 'test', ...more }, { runnerId: 'slot-0' });
  }

  input(run: StartRun, inputId: string, text: string): Promise<unknown> {
    return this.command('input', run, { inputId, text });
  }

  status({ sessionId, runId, epoch }: StartRun) {
    return this.world.session.bus.request(RunnerRpc.status, { sessionId, runId, epoch }, { runnerId: 'slot-0' });
  }

  /** What the runner has on disk of it. */
  record({ runId }: StartRun): string {
    return this.world.readFile(this.world.dirOf(runId), 'run.json');
  }

  /** SIGKILL to the runner, and a new one in its place. */
  async restartRunner(afterMs = 0): Promise<void> {
    await this.world.killRunner({ afterMs });
    await this.world.startRunner();
  }

  /** SIGKILL to all of it; nothing may be left. */
  async finish(run: StartRun): Promise<void> {
    await this.command('kill', run);
    await this.gone(run);
  }

  /** @returns the run's last fact, once none of its processes is left */
  async gone(run: StartRun): Promise<FactOf<'run_ended'>> {
    const end = await this.world.ended(run.runId, PATIENCE_MS);
    if (end.type !== 'run_ended') throw new Error(`the run did not even start: ${JSON.stringify(end)}`);
    const left = await this.world.left(run.runId);
    if (end.left !== 0 || left.length > 0) throw new Error(`${end.left} processes are said to be left, ${left.length} are`);
    return end;
  }

  facts<T extends FactType>(run: StartRun, ...types: T[]): FactOf<T>[] {
    return (this.world.session.facts.get(run.runId) ?? []).map(({ fact }) => fact).filter((fact): fact is FactOf<T> => types.length === 0 || types.includes(fact.type as T));
  }

  types(run: StartRun, ...of: FactType[]): FactType[] {
    return this.facts(run, ...of).map(({ type }) => type);
  }

  /** The `n`th fact of this type, waited for. */
  said<T extends FactType>(run: StartRun, type: T, n = 1): Promise<FactOf<T>> {
    return this.until(() => this.facts(run, type)[n - 1], `${type} ${n}`);
  }

  /** All that the agent said, as it would be shown. */
  spoken(run: StartRun): string {
    return this.facts(run, 'output').filter(({ stream }) => stream !== 'stderr').map(({ content }) => content).join('');
  }

  numbers(run: StartRun): string[] {
    return this.spoken(run).match(/numbered \d+\/\d+/g) ?? [];
  }

  until<T>(probe: () => T | Promise<T>, what: string): Promise<NonNullable<T>> {
    return eventually(probe, { what, timeoutMs: PATIENCE_MS });
  }

  /** Open descriptors of the runner. */
  descriptors(): number {
    return readdirSync(`/proc/${this.world.runnerPid}/fd`).length;
  }
}
