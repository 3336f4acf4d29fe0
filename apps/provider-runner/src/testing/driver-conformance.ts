import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import type { Capabilities, Manifest, ProviderEntry, RunFact } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { findDriver } from '../drivers/registry.js';
import { RunnerWorld } from './runner-world.js';

export interface ConformingDriver {
  /** Entries of providers.json; `demo` may be used without one. */
  providers: Record<string, ProviderEntry>;
  /** The provider under test, and the manifests that make its agent do these things. */
  provider: string;
  /** Says `numbered 1/60` … `numbered 60/60`, slowly enough to be killed in between, then waits for input. */
  counting: Partial<Manifest>;
  /** Ignores SIGTERM and has a set-sid child. */
  stubborn: Partial<Manifest>;
  /** Ends by itself with exit code 5. */
  exits: Partial<Manifest>;
}

const COUNT = 60;
const NUMBERED = Array.from({ length: COUNT }, (_, n) => `numbered ${n + 1}/${COUNT}`);

/** What every driver must hold, with a real agent, the real runner and a real nats-server (design §7). */
export function describeDriverConformance(name: string, driver: ConformingDriver): void {
  describe(`the driver ${name} conforms:`, () => {
    const bench = new Bench(driver);
    beforeAll(async () => bench.open(), 20_000);
    afterAll(async () => bench.world.close());

    it('is found by its name in the registry', () => {
      expect(findDriver(name)?.name).toBe(name);
    });
    itLives(bench);
    itTakesCommands(bench);
  });
}

class Bench {
  world!: RunnerWorld;
  can!: Capabilities;

  constructor(readonly driver: ConformingDriver) {}

  async open(): Promise<void> {
    this.world = await RunnerWorld.create();
    this.world.providers(this.driver.providers);
    await this.world.startRunner();
    const info = await eventually(() => this.world.session.heartbeats.at(-1)?.providers.find((one) => one.name === this.driver.provider && one.installed));
    this.can = info.capabilities;
  }

  call<Req extends object>(rpc: (typeof RunnerRpc)[keyof typeof RunnerRpc], run: StartRun, more: Req): Promise<unknown> {
    return this.world.session.bus.request(rpc as typeof RunnerRpc.stop, { ...run, reason: 'test', ...more }, { runnerId: 'slot-0' });
  }

  start(manifest: Partial<Manifest>): Promise<StartRun> {
    return this.world.start(this.driver.provider, { manifest });
  }

  facts(run: StartRun): RunFact[] {
    return (this.world.session.facts.get(run.runId) ?? []).map(({ fact }) => fact);
  }

  spoken(run: StartRun): string {
    return this.facts(run).map((fact) => (fact.type === 'output' ? fact.content : '')).join('');
  }

  numbers(run: StartRun): string[] {
    return this.spoken(run).match(/numbered \d+\/\d+/g) ?? [];
  }

  async started(run: StartRun): Promise<void> {
    await eventually(() => this.facts(run).some(({ type }) => type === 'run_started'), { what: 'run_started', timeoutMs: 20_000 });
  }
}

function itLives(bench: Bench): void {
  it('says run_started once, run_ended once and last, and how the agent ended', async () => {
    const run = await bench.start(bench.driver.exits);

    const end = await bench.world.ended(run.runId);
    expect(end).toMatchObject({ type: 'run_ended', exitCode: 5, left: 0 });
    const types = bench.facts(run).map(({ type }) => type);
    expect(types.filter((type) => type === 'run_started' || type === 'run_ended')).toEqual(['run_started', 'run_ended']);
    expect(types.at(-1)).toBe('run_ended');
  }, 20_000);

  it('is taken up again after the runner was killed twice: nothing is lost and nothing said twice', async () => {
    const run = await bench.start(bench.driver.counting);
    for (const at of [5, 30]) {
      await eventually(() => bench.numbers(run).length >= at, { what: `output ${at}`, timeoutMs: 20_000 });
      await bench.world.killRunner();
      await bench.world.startRunner();
    }
    await eventually(() => bench.numbers(run).length >= COUNT, { what: 'all output', timeoutMs: 20_000 });

    await bench.call(RunnerRpc.stop, run, {});
    await bench.world.ended(run.runId);
    expect(bench.numbers(run)).toEqual(NUMBERED);
    expect(bench.facts(run).filter(({ type }) => type === 'run_started')).toHaveLength(1);
    expect(await bench.world.left(run.runId)).toEqual([]);
  }, 60_000);

  it('is killed with all that its agent started, and leaves nothing', async () => {
    const run = await bench.start(bench.driver.stubborn);
    await bench.started(run);
    await eventually(() => /escaped/.test(bench.spoken(run)), { what: 'the escaped child', timeoutMs: 20_000 });

    await bench.call(RunnerRpc.kill, run, {});

    expect(await bench.world.ended(run.runId)).toMatchObject({ type: 'run_ended', cause: 'killed', left: 0 });
    expect(await bench.world.left(run.runId)).toEqual([]);
  }, 30_000);
}

function itTakesCommands(bench: Bench): void {
  it('delivers an input once, also when it is sent again, and refuses what its agent cannot do', async () => {
    const run = await bench.start(bench.driver.counting);
    await bench.started(run);

    if (bench.can.input) {
      for (let n = 0; n < 3; n += 1) await bench.call(RunnerRpc.input, run, { inputId: 'inp_1', text: 'go on' });
    } else {
      await expect(bench.call(RunnerRpc.input, run, { inputId: 'inp_1', text: 'x' })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    }
    if (!bench.can.interrupt) await expect(bench.call(RunnerRpc.interrupt, run, {})).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    if (bench.can.input) await eventually(() => bench.facts(run).some(({ type }) => type === 'input_delivered'), { timeoutMs: 20_000 });

    await bench.call(RunnerRpc.kill, run, {});
    await bench.world.ended(run.runId);
    expect(bench.facts(run).filter(({ type }) => type === 'input_delivered')).toHaveLength(bench.can.input ? 1 : 0);
    expect(bench.facts(run).filter(({ type }) => type === 'input_failed')).toEqual([]);
  }, 40_000);

  it('says paused and resumed where it can pause, once each, and NOT_SUPPORTED where it cannot', async () => {
    const run = await bench.start(bench.driver.counting);
    await bench.started(run);

    if (bench.can.pause === 'none') {
      await expect(bench.call(RunnerRpc.pause, run, {})).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    } else {
      for (const rpc of [RunnerRpc.pause, RunnerRpc.pause, RunnerRpc.resume, RunnerRpc.resume]) await bench.call(rpc, run, {});
      await eventually(() => bench.facts(run).some(({ type }) => type === 'resumed'));
      expect(bench.facts(run).map(({ type }) => type).filter((type) => type === 'paused' || type === 'resumed')).toEqual(['paused', 'resumed']);
    }
    await bench.call(RunnerRpc.kill, run, {});
    expect(await bench.world.ended(run.runId)).toMatchObject({ type: 'run_ended', cause: 'killed', left: 0 });
  }, 20_000);

  it('answers its status', async () => {
    const run = await bench.start(bench.driver.counting);
    await bench.started(run);

    expect(await bench.call(RunnerRpc.status, run, {})).toMatchObject({ state: 'running', pid: expect.any(Number), queuedInputs: expect.any(Number) });

    await bench.call(RunnerRpc.kill, run, {});
    await bench.world.ended(run.runId);
  }, 20_000);
}
