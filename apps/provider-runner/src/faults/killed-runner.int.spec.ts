import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import { AppError } from '@orbitmesh/domain';
import { Chance, eventually, faultSeed } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { createProcessTable } from '../process/process-table.js';
import { LONG } from '../testing/how-often.js';
import { RUNNER_MAIN } from '../testing/runner-main.js';

const SEED = faultSeed();
const ROUNDS = LONG ? 40 : 4;
const SHELL = (script: string) => ({ driver: 'process', command: ['/bin/sh', '-c', script] });
/** Leaves a word each time it is executed, says a line a moment, and ends with 7. */
const ONCE = 'echo x >>executed; n=0; while [ $n -lt 20 ]; do n=$((n+1)); echo "line $n"; sleep 0.02; done; exit 7';
const LINES = Array.from({ length: 20 }, (_, n) => `line ${n + 1}\n`).join('');

describe('kill -9 of a runner at every point of a start', () => {
  let world: RunnerWorld;

  beforeEach(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    world.providers({ once: SHELL(ONCE), brief: SHELL('echo x >>executed; echo done; exit 4'), stays: SHELL('echo x >>executed; echo up; read -r input; echo "got $input"; exit 5') });
    await world.startRunner();
  });
  afterEach(async () => world.close());

  const send = (request: StartRun) => world.session.bus.request(RunnerRpc.start, request, { runnerId: 'slot-0' });
  const phase = (request: StartRun): string => (JSON.parse(world.readFile(world.dirOf(request.runId), 'run.json')) as { phase: string }).phase;
  const isThere = (request: StartRun): boolean => existsSync(join(world.dirOf(request.runId), 'run.json'));
  const executions = (): number => (existsSync(join(world.workingDir, 'executed')) ? world.readFile(world.workingDir, 'executed').length / 2 : 0);
  const listed = (request: StartRun): boolean => world.session.heartbeats.at(-1)?.runs.some(({ runId }) => runId === request.runId) ?? false;
  /** What a runner leaves that dies between its record and what comes of it. */
  const asIfUnrecorded = (request: StartRun, also: Record<string, unknown> = {}): void => {
    const path = join(world.dirOf(request.runId), 'run.json');
    const { wrapper: _wrapper, ...record } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...record, phase: 'executing', ...also }));
    for (const name of readdirSync(join(world.dirOf(request.runId), 'facts'))) rmSync(join(world.dirOf(request.runId), 'facts', name));
  };
  /** session-service, which sends a start again until something is heard of it. */
  const sendUntilEnded = async (request: StartRun): Promise<void> => {
    await eventually(async () => {
      if (!listed(request) && !world.session.ended(request.runId)) await send(request).catch(() => undefined);
      return world.session.ended(request.runId);
    }, { what: `the end of ${request.runId} (seed ${SEED})`, timeoutMs: 20_000 });
  };

  it('before its claim is answered: nothing is executed, no trace is kept, and the same start, sent again, runs once', async () => {
    world.session.claimDelayMs = 60_000;
    const request = await world.start('once');
    await eventually(() => world.session.claims.length === 1);
    expect(phase(request)).toBe('accepted');
    await world.killRunner();
    world.session.claimDelayMs = 0;
    await world.startRunner();

    expect(isThere(request)).toBe(false);
    await sendUntilEnded(request);
    expect(world.session.output(request.runId)).toBe(LINES);
    expect(executions()).toBe(1);
  }, 30_000);

  it('after its record and before the agent is executed: the same start, sent again, runs once', async () => {
    const { bootId } = createProcessTable();
    world.session.claimDelayMs = 60_000;
    const request = await world.start('once');
    await eventually(() => world.session.claims.length === 1);
    await world.killRunner();
    asIfUnrecorded(request, { bootId, entry: SHELL(ONCE), workingDir: world.workingDir });
    world.session.claimDelayMs = 0;
    await world.startRunner();

    expect(isThere(request)).toBe(false);
    await sendUntilEnded(request);
    expect(world.session.ended(request.runId)).toEqual({ type: 'run_ended', cause: 'exited', exitCode: 7, left: 0 });
    expect(world.session.output(request.runId)).toBe(LINES);
    expect(executions()).toBe(1);
  }, 30_000);

  it('after the agent was executed and before that is recorded: it is found, and what it says is whole', async () => {
    const request = await world.start('stays');
    await eventually(() => world.session.output(request.runId) === 'up\n');
    await world.killRunner();
    asIfUnrecorded(request);
    world.session.facts.delete(request.runId);
    await world.startRunner();
    await world.session.bus.request(RunnerRpc.input, { ...request, inputId: 'inp_1', text: 'prompt' }, { runnerId: 'slot-0' });

    await world.ended(request.runId);
    expect(world.session.output(request.runId)).toMatch(/^up\ngot .*\n$/);
    expect(executions()).toBe(1);
  }, 30_000);

  it('after an agent came and went unrecorded: what it said and how it ended are told, once', async () => {
    world.session.acknowledging = false;
    const request = await world.start('brief');
    await eventually(() => existsSync(join(world.dirOf(request.runId), 'exit')));
    await world.killRunner();
    asIfUnrecorded(request);
    world.session.acknowledging = true;
    await world.startRunner();

    expect(await world.ended(request.runId)).toEqual({ type: 'run_ended', cause: 'exited', exitCode: 4, left: 0 });
    expect(world.session.output(request.runId)).toBe('done\n');
    expect(executions()).toBe(1);
  }, 30_000);

  it(`at ${ROUNDS} moments by chance (seed ${SEED}): the agent runs once, and no line is lost or doubled`, async () => {
    const chance = new Chance(SEED);
    for (let round = 1; round <= ROUNDS; round += 1) {
      const request = world.request('once');
      void send(request).catch(() => undefined);
      await world.killRunner({ afterMs: chance.between(0, 250) });
      await world.startRunner();
      await sendUntilEnded(request);

      expect(world.session.output(request.runId)).toBe(LINES);
      expect(world.session.ended(request.runId)).toMatchObject({ cause: 'exited', exitCode: 7, left: 0 });
      expect(executions()).toBe(round);
    }
  }, 20_000 * ROUNDS);
});

describe('what a runner finds at its start', () => {
  let world: RunnerWorld;

  beforeEach(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    world.providers({ stays: SHELL(`trap '' TERM; echo up; sleep 300`), quick: SHELL('echo done; exit 4') });
    await world.startRunner();
  });
  afterEach(async () => world.close());

  const living = async (): Promise<StartRun> => {
    const request = await world.start('stays');
    await eventually(() => world.session.output(request.runId) === 'up\n');
    return request;
  };

  it.each([
    ['the record', 'run.json', '{ torn'],
    ['the record', 'run.json', '{"schemaVersion":1,"runId":"run_of_somebody_else","phase":"started"}'],
    ['the record, of a later version,', 'run.json', '{"schemaVersion":99}'],
    ['the manifest', 'manifest.json', 'no json'],
  ])('damaged in %s of one run (%s: %s) hurts that run alone: its agent is ended, it is held no more, the others go on', async (_what, file, content) => {
    const [damaged, whole] = [await living(), await living()];
    await world.killRunner();
    writeFileSync(join(world.dirOf(damaged.runId), file), content);
    const before = world.session.heartbeats.length;

    await world.startRunner();

    expect(await world.left(damaged.runId)).toEqual([]);
    await eventually(() => world.session.heartbeats.length > before);
    expect(world.session.heartbeats.at(-1)?.runs.map(({ runId }) => runId)).toEqual([whole.runId]);
    expect(world.readFile(world.dirOf(damaged.runId), file)).toBe(content);
    await world.session.bus.request(RunnerRpc.kill, { ...whole, reason: 'test' }, { runnerId: 'slot-0' });
    expect(await world.ended(whole.runId)).toMatchObject({ cause: 'killed', left: 0 });
  }, 30_000);

  it('of a machine that was started anew is swept and said to be gone, once', async () => {
    const request = await living();
    await world.killRunner();
    for (const pid of await world.left(request.runId)) process.kill(pid, 'SIGKILL');
    const path = join(world.dirOf(request.runId), 'run.json');
    const record = JSON.parse(readFileSync(path, 'utf8')) as { wrapper: Record<string, unknown> };
    // The pid is somebody else's by now: this very test's.
    writeFileSync(path, JSON.stringify({ ...record, bootId: 'another', wrapper: { ...record.wrapper, pid: process.pid, bootId: 'another' } }));
    for (const name of ['wrapper', 'pid', 'hold']) writeFileSync(join(world.dirOf(request.runId), name), `${process.pid}\n`);
    appendFileSync(join(world.dirOf(request.runId), 'out'), 'its last words');

    await world.startRunner();

    expect(await world.ended(request.runId)).toEqual({ type: 'run_ended', cause: 'crashed', left: 0 });
    expect(world.session.output(request.runId)).toBe('up\nits last words');
    await world.killRunner();
    await world.startRunner();
    await eventually(() => world.session.heartbeats.at(-1)?.runs.length === 0);
    expect(world.session.factsOf(request.runId, 'run_ended')).toHaveLength(1);
  }, 30_000);

  it('is not joined by another agent of the same conversation before the one it holds has ended', async () => {
    const first = await living();
    const second = world.request('quick', { request: { conversationId: first.conversationId } });
    const start = () => world.session.bus.request(RunnerRpc.start, second, { runnerId: 'slot-0' });

    await expect(start()).rejects.toMatchObject({ code: 'LIMIT_REACHED' } satisfies Partial<AppError>);
    await world.session.bus.request(RunnerRpc.kill, { ...first, reason: 'test' }, { runnerId: 'slot-0' });
    await world.ended(first.runId);
    await eventually(() => start().then(() => true, () => false));
    expect(await world.ended(second.runId)).toMatchObject({ cause: 'exited', exitCode: 4 });
  }, 30_000);
});

describe('a runner that is frozen (SIGSTOP) and thawed (SIGCONT) past its lease', () => {
  let world: RunnerWorld;

  beforeEach(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    world.providers({ stays: SHELL('echo x >>executed; echo up; exec sleep 300') });
    await world.startRunner();
  });
  afterEach(async () => {
    process.kill(world.runnerPid, 'SIGCONT');
    await world.close();
  });

  const executed = (): boolean => existsSync(join(world.workingDir, 'executed'));
  const gone = (request: StartRun) => eventually(() => !existsSync(world.dirOf(request.runId)), { what: 'no trace of the run' });

  it('after its claim was granted and before it executed: it asks again, is refused, and executes nothing', async () => {
    world.session.claimDelayMs = 300;
    const request = await world.start('stays', { request: { ttlMs: 600 } });
    await eventually(() => world.session.claims.length === 1);
    process.kill(world.runnerPid, 'SIGSTOP');
    // Granted meanwhile; the lease passes, and the session goes on elsewhere.
    const granted = performance.now() + 700;
    await eventually(() => performance.now() > granted);
    world.session.refuseClaims = new AppError('CONFLICT', 'This is not the present run of the session.', { stale: true });
    process.kill(world.runnerPid, 'SIGCONT');

    await gone(request);
    expect(world.session.claims).toHaveLength(2);
    expect(executed()).toBe(false);
    expect(world.session.facts.get(request.runId)).toBeUndefined();
  }, 20_000);

  it('before it claimed: the session was placed elsewhere, the claim is refused, and it executes nothing', async () => {
    world.session.refuseClaims = new AppError('CONFLICT', 'This is not the present run of the session.', { stale: true });
    process.kill(world.runnerPid, 'SIGSTOP');
    const request = world.request('stays');
    const started = world.session.bus.request(RunnerRpc.start, request, { runnerId: 'slot-0' }).catch(() => undefined);
    process.kill(world.runnerPid, 'SIGCONT');
    await started;

    await eventually(() => world.session.claims.length === 1);
    await gone(request);
    expect(executed()).toBe(false);
  }, 20_000);

  it.each([
    ['its heartbeat', (session: RunnerWorld['session'], runId: string) => { session.unwanted.add(runId); }],
    ['its facts', (session: RunnerWorld['session']) => { session.stale = true; }],
  ])('after it executed: told by the answer to %s that the run is not its any more, it kills the agent and says nothing', async (_how, fence) => {
    const request = await world.start('stays');
    await eventually(() => world.session.output(request.runId) === 'up\n');
    process.kill(world.runnerPid, 'SIGSTOP');
    fence(world.session, request.runId);
    if (world.session.stale) appendFileSync(join(world.dirOf(request.runId), 'out'), 'written meanwhile\n');
    process.kill(world.runnerPid, 'SIGCONT');

    await eventually(async () => (await world.left(request.runId)).length === 0, { what: 'the end of its agent' });
    await eventually(() => world.session.heartbeats.at(-1)?.runs.length === 0);
    expect(world.session.ended(request.runId)).toBeUndefined();
  }, 20_000);
});
