import { appendFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import { AppError } from '@orbitmesh/domain';
import { Chance, eventually, faultSeed, inFull, LONG } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { createProcessTable } from '../process/process-table.js';
import { RUNNER_MAIN } from '../testing/runner-main.js';

const SEED = faultSeed();
const ROUNDS = LONG ? 20 : 1;
const SHELL = (script: string) => ({ driver: 'process', command: ['/bin/sh', '-c', script] });
/** Leaves a word each time it is executed, says a line a moment, and ends with 7. */
const EXECUTED = 'echo x >>"executed-$ORBITMESH_SESSION_ID"';
const ONCE = `${EXECUTED}; n=0; while [ $n -lt 20 ]; do n=$((n+1)); echo "line $n"; sleep 0.02; done; exit 7`;
const LINES = Array.from({ length: 20 }, (_, n) => `line ${n + 1}\n`).join('');

let world: RunnerWorld;

beforeAll(async () => {
  world = await RunnerWorld.create(RUNNER_MAIN);
  world.providers({
    once: SHELL(ONCE),
    brief: SHELL(`${EXECUTED}; echo done; exit 4`),
    waits: SHELL(`${EXECUTED}; echo up; until [ -f "go-$ORBITMESH_SESSION_ID" ]; do sleep 0.02; done; read -r prompt; echo "got $prompt"; exit 5`),
    stays: SHELL(`${EXECUTED}; trap '' TERM; echo up; exec sleep 300`),
  });
  await world.startRunner();
}, 30_000);
afterEach(() => {
  Object.assign(world.session, { claimDelayMs: 0, refuseClaims: undefined, acknowledging: true, stale: false });
  world.session.unwanted.clear();
});
afterAll(async () => world?.close());

const send = (request: StartRun) => world.session.bus.request(RunnerRpc.start, request, { runnerId: 'slot-0' });
const kill = (request: StartRun) => world.session.bus.request(RunnerRpc.kill, { ...request, reason: 'test' }, { runnerId: 'slot-0' });
const fileOf = (request: StartRun, name: string): string => join(world.dirOf(request.runId), name);
const isKept = (request: StartRun): boolean => existsSync(fileOf(request, 'run.json'));
const executions = ({ sessionId }: StartRun): number => {
  const path = join(world.workingDir, `executed-${sessionId}`);
  return existsSync(path) ? readFileSync(path, 'utf8').length / 2 : 0;
};
const listed = (request: StartRun): boolean => world.session.heartbeats.at(-1)?.runs.some(({ runId }) => runId === request.runId) ?? false;
const living = async (provider = 'stays'): Promise<StartRun> => {
  const request = await world.start(provider);
  await eventually(() => world.session.output(request.runId) === 'up\n');
  return request;
};

describe('kill -9 of a runner at every point of a start', () => {
  /** As its record is on disk. */
  const phase = (request: StartRun): string => (JSON.parse(readFileSync(fileOf(request, 'run.json'), 'utf8')) as { phase: string }).phase;
  /** What a runner leaves that dies between its record and what comes of it. */
  const asIfUnrecorded = (request: StartRun, also: Record<string, unknown> = {}): void => {
    const path = fileOf(request, 'run.json');
    const { wrapper: _wrapper, ...record } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
    writeFileSync(path, JSON.stringify({ ...record, phase: 'executing', ...also }));
    for (const name of readdirSync(fileOf(request, 'facts'))) rmSync(fileOf(request, `facts/${name}`));
  };
  /** session-service, which sends a start again until something is heard of it. */
  const sendUntilEnded = async (request: StartRun): Promise<void> => {
    await eventually(async () => {
      if (!listed(request) && !world.session.ended(request.runId)) await send(request).catch(() => undefined);
      return world.session.ended(request.runId);
    }, { what: `the end of ${request.runId} (seed ${SEED})`, timeoutMs: 20_000 });
  };

  inFull('before its claim is answered: nothing is executed, no trace is kept, and the same start, sent again, runs once', async () => {
    world.session.claimDelayMs = 3_000;
    const request = await world.start('once');
    await eventually(() => world.session.claims.some(({ runId }) => runId === request.runId));
    expect(phase(request)).toBe('accepted');
    await world.killRunner();
    world.session.claimDelayMs = 0;
    await world.startRunner();

    expect(isKept(request)).toBe(false);
    await sendUntilEnded(request);
    expect(world.session.output(request.runId)).toBe(LINES);
    expect(executions(request)).toBe(1);
  }, 30_000);

  it('after its record and before the agent is executed: the same start, sent again, runs once', async () => {
    const { bootId } = createProcessTable();
    world.session.claimDelayMs = 3_000;
    const request = await world.start('once');
    await eventually(() => world.session.claims.some(({ runId }) => runId === request.runId));
    await world.killRunner();
    asIfUnrecorded(request, { bootId, entry: SHELL(ONCE), workingDir: world.workingDir });
    world.session.claimDelayMs = 0;
    await world.startRunner();

    expect(isKept(request)).toBe(false);
    await sendUntilEnded(request);
    expect(world.session.ended(request.runId)).toEqual({ type: 'run_ended', cause: 'exited', exitCode: 7, left: 0 });
    expect(world.session.output(request.runId)).toBe(LINES);
    expect(executions(request)).toBe(1);
  }, 30_000);

  inFull('after the agent was executed and before that is recorded: it is found, and what it says is whole', async () => {
    const request = await living('waits');
    await world.killRunner();
    asIfUnrecorded(request);
    world.session.facts.delete(request.runId);
    await world.startRunner();
    writeFileSync(join(world.workingDir, `go-${request.sessionId}`), '');

    expect(await world.ended(request.runId)).toMatchObject({ cause: 'exited', exitCode: 5 });
    expect(world.session.output(request.runId)).toBe('up\ngot the prompt\n');
    expect(executions(request)).toBe(1);
  }, 30_000);

  it('after an agent came and went unrecorded: what it said and how it ended are told, once', async () => {
    world.session.acknowledging = false;
    const request = await world.start('brief');
    await eventually(() => existsSync(fileOf(request, 'exit')));
    await world.killRunner();
    asIfUnrecorded(request);
    world.session.acknowledging = true;
    await world.startRunner();

    expect(await world.ended(request.runId)).toEqual({ type: 'run_ended', cause: 'exited', exitCode: 4, left: 0 });
    expect(world.session.output(request.runId)).toBe('done\n');
    expect(executions(request)).toBe(1);
  }, 30_000);

  it(`at a moment by chance, ${ROUNDS === 1 ? 'once' : `${ROUNDS} times`} (seed ${SEED}): the agent runs once, and no line is lost or doubled`, async () => {
    const chance = new Chance(SEED);
    for (let round = 1; round <= ROUNDS; round += 1) {
      const request = world.request('once');
      void send(request).catch(() => undefined);
      await world.killRunner({ afterMs: chance.between(0, 250) });
      await world.startRunner();
      await sendUntilEnded(request);

      expect(world.session.output(request.runId)).toBe(LINES);
      expect(world.session.ended(request.runId)).toMatchObject({ cause: 'exited', exitCode: 7, left: 0 });
      expect(executions(request)).toBe(1);
    }
  }, 20_000 * ROUNDS);
});

describe('what a runner finds at its start', () => {
  it('damaged in the record or the manifest of some runs hurts those alone: their agents are ended, they are held no more, the others go on', async () => {
    const DAMAGES = [
      ['run.json', '{ torn'],
      ['run.json', '{"schemaVersion":1,"runId":"run_of_somebody_else","phase":"started"}'],
      ['run.json', '{"schemaVersion":99}'],
      ['manifest.json', 'no json'],
    ] as const;
    const whole = await living();
    const damaged = await Promise.all(DAMAGES.map(() => living()));
    await world.killRunner();
    for (const [n, [file, content]] of DAMAGES.entries()) writeFileSync(fileOf(damaged[n], file), content);
    const before = world.session.heartbeats.length;

    await world.startRunner();

    await eventually(() => world.session.heartbeats.length > before);
    expect([whole, ...damaged].map(listed)).toEqual([true, false, false, false, false]);
    for (const [n, [file, content]] of DAMAGES.entries()) {
      expect(await world.left(damaged[n].runId)).toEqual([]);
      expect(readFileSync(fileOf(damaged[n], file), 'utf8')).toBe(content);
    }
    await kill(whole);
    expect(await world.ended(whole.runId)).toMatchObject({ cause: 'killed', left: 0 });
  }, 30_000);

  it('of a machine that was started anew is swept and said to be gone, once', async () => {
    const request = await living();
    await world.killRunner();
    for (const pid of await world.left(request.runId)) process.kill(pid, 'SIGKILL');
    const path = fileOf(request, 'run.json');
    const record = JSON.parse(readFileSync(path, 'utf8')) as { wrapper: Record<string, unknown> };
    // The pid is somebody else's by now: this very test's.
    writeFileSync(path, JSON.stringify({ ...record, bootId: 'another', wrapper: { ...record.wrapper, pid: process.pid, bootId: 'another' } }));
    for (const name of ['wrapper', 'pid', 'hold']) writeFileSync(fileOf(request, name), `${process.pid}\n`);
    appendFileSync(fileOf(request, 'out'), 'its last words');

    await world.startRunner();

    expect(await world.ended(request.runId)).toEqual({ type: 'run_ended', cause: 'crashed', left: 0 });
    expect(world.session.output(request.runId)).toBe('up\nits last words');
    await eventually(() => !listed(request));
    expect(world.session.factsOf(request.runId, 'run_ended')).toHaveLength(1);
  }, 30_000);

  inFull('of a run whose directory was taken away is ended, and of the one beside it goes on', async () => {
    const [gone, kept] = [await living(), await living('waits')];
    rmSync(world.dirOf(gone.runId), { recursive: true });
    await world.killRunner();

    await world.startRunner();

    expect(await world.left(gone.runId)).toEqual([]);
    writeFileSync(join(world.workingDir, `go-${kept.sessionId}`), '');
    expect(await world.ended(kept.runId)).toMatchObject({ cause: 'exited', exitCode: 5 });
  }, 30_000);

  inFull('in a copy of a home whose runner lives is not taken from that: its agent lives on, and the run of the copy is said to be gone', async () => {
    const [atWork, unrecorded] = [await living('waits'), await living()];
    const copy = await world.copied();
    try {
      const record = join(copy.dirOf(unrecorded.runId), 'run.json');
      const { wrapper: _wrapper, ...rest } = JSON.parse(readFileSync(record, 'utf8')) as Record<string, unknown>;
      writeFileSync(record, JSON.stringify({ ...rest, phase: 'executing' }));
      await copy.startRunner();

      for (const { runId } of [atWork, unrecorded]) {
        expect(await copy.ended(runId)).toEqual({ type: 'run_ended', cause: 'crashed', left: 0 });
        expect(copy.session.output(runId)).toBe('up\n');
      }
      expect(await copy.stopRunner()).toBe(0);
    } finally {
      await copy.close();
    }
    writeFileSync(join(world.workingDir, `go-${atWork.sessionId}`), '');
    expect(await world.ended(atWork.runId)).toMatchObject({ cause: 'exited', exitCode: 5 });
    expect(world.session.output(atWork.runId)).toBe('up\ngot the prompt\n');
    await kill(unrecorded);
    expect(await world.ended(unrecorded.runId)).toMatchObject({ cause: 'killed', left: 0 });
  }, 30_000);

  inFull('in a home that is called otherwise by now is gone on with', async () => {
    const request = await living('waits');
    await world.killRunner();
    const elsewhere = `${world.home}-elsewhere`;
    renameSync(world.home, elsewhere);
    try {
      await world.startRunner({ ORBITMESH_HOME: elsewhere });
      writeFileSync(join(world.workingDir, `go-${request.sessionId}`), '');
      await eventually(() => world.session.output(request.runId) === 'up\ngot the prompt\n');
      expect(await world.ended(request.runId)).toMatchObject({ type: 'run_ended', left: 0 });
    } finally {
      await world.stopRunner();
      renameSync(elsewhere, world.home);
      await world.startRunner();
    }
  }, 30_000);

  it('is not joined by another agent of the same conversation before the one it holds has ended', async () => {
    const first = await living();
    const second = world.request('brief', { request: { conversationId: first.conversationId } });
  
    await expect(send(second)).rejects.toMatchObject({ code: 'LIMIT_REACHED' } satisfies Partial<AppError>);
    await kill(first);
    await world.ended(first.runId);
    await eventually(() => send(second).then(() => true, () => false));
    expect(await world.ended(second.runId)).toMatchObject({ cause: 'exited', exitCode: 4 });
  }, 30_000);
});

describe('a runner whose disk takes no writes', () => {
  const problem = (): string | undefined => world.session.heartbeats.at(-1)?.problem;

  it('says so, executes nothing that it could not keep, goes on with what runs, and heals by itself', async () => {
    const running = await living();
    const runs = join(world.home, 'provider-runner/slot-0/runs');
    renameSync(runs, `${runs}.away`);
    const request = world.request('brief');

    await expect(send(request)).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    await eventually(() => problem() !== undefined, { what: 'a heartbeat that says so' });
    expect(listed(running)).toBe(true);
    expect(executions(request)).toBe(0);

    renameSync(`${runs}.away`, runs);
    await eventually(() => problem() === undefined, { what: 'a heartbeat that says it no more' });
    await send(request);
    expect(await world.ended(request.runId)).toMatchObject({ cause: 'exited', exitCode: 4 });
    expect(readdirSync(runs).filter((name) => name.startsWith('.'))).toEqual([]);
    await kill(running);
    expect(await world.ended(running.runId)).toMatchObject({ cause: 'killed', left: 0 });
  }, 30_000);
});

describe('a runner that is frozen (SIGSTOP) and thawed (SIGCONT) past its lease', () => {
  afterEach(() => { process.kill(world.runnerPid, 'SIGCONT'); });

  const gone = (request: StartRun) => eventually(() => !existsSync(world.dirOf(request.runId)), { what: 'no trace of the run' });

  it('after its claim was granted and before it executed: it asks again, is refused, and executes nothing', async () => {
    world.session.claimDelayMs = 300;
    const request = await world.start('stays', { request: { ttlMs: 600 } });
    await eventually(() => world.session.claims.some(({ runId }) => runId === request.runId));
    process.kill(world.runnerPid, 'SIGSTOP');
    // Granted meanwhile; the lease passes, and the session goes on elsewhere.
    const granted = performance.now() + 700;
    await eventually(() => performance.now() > granted);
    world.session.refuseClaims = new AppError('CONFLICT', 'This is not the present run of the session.', { stale: true });
    process.kill(world.runnerPid, 'SIGCONT');

    await gone(request);
    expect(world.session.claims.filter(({ runId }) => runId === request.runId)).toHaveLength(2);
    expect(executions(request)).toBe(0);
    expect(world.session.facts.get(request.runId)).toBeUndefined();
  }, 20_000);

  it('before it claimed: the session was placed elsewhere, the claim is refused, and it executes nothing', async () => {
    world.session.refuseClaims = new AppError('CONFLICT', 'This is not the present run of the session.', { stale: true });
    process.kill(world.runnerPid, 'SIGSTOP');
    const request = world.request('stays');
    const started = send(request).catch(() => undefined);
    process.kill(world.runnerPid, 'SIGCONT');
    await started;

    await eventually(() => world.session.claims.some(({ runId }) => runId === request.runId));
    await gone(request);
    expect(executions(request)).toBe(0);
  }, 20_000);

  it.each([
    ['its heartbeat', (session: RunnerWorld['session'], runId: string) => { session.unwanted.add(runId); }],
    ['its facts', (session: RunnerWorld['session']) => { session.stale = true; }],
  ])('after it executed: told by the answer to %s that the run is not its any more, it kills the agent and says nothing', async (_how, fence) => {
    const request = await living();
    process.kill(world.runnerPid, 'SIGSTOP');
    fence(world.session, request.runId);
    if (world.session.stale) appendFileSync(fileOf(request, 'out'), 'written meanwhile\n');
    process.kill(world.runnerPid, 'SIGCONT');

    await eventually(async () => (await world.left(request.runId)).length === 0, { what: 'the end of its agent' });
    await eventually(() => !listed(request));
    expect(world.session.ended(request.runId)).toBeUndefined();
  }, 20_000);
});
