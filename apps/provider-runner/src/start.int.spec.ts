import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AnyRunnerRpc, RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import { eventually, oneIn } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from './testing/runner-main.js';

const SHELL = (script: string) => ({ driver: 'process', command: ['/bin/sh', '-c', script] });

describe('starts and what a runner tells of itself', () => {
  let world: RunnerWorld;

  beforeEach(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    world.providers({ short: SHELL('for n in 1 2 3; do echo $n; sleep 0.02; done'), long: SHELL('echo up; exec sleep 300') });
  });
  afterEach(async () => world.close());

  const kill = (request: StartRun) => world.session.bus.request(RunnerRpc.kill, { ...request, reason: 'test' }, { runnerId: 'slot-0' });

  it('comes to one clear end when the runner is killed at any moment of a start, and leaves no process', async () => {
    await world.startRunner();
    for (const afterMs of oneIn(3, [0, 12, 24, 36, 48, 60, 72, 84])) {
      const request = world.request('short');
      const answered = world.session.bus.request(RunnerRpc.start, request, { runnerId: 'slot-0', timeoutMs: 1_000 }).catch(() => undefined);
      await world.killRunner({ afterMs });
      await answered;
      await world.startRunner();

      const forgotten = (): boolean => !existsSync(world.dirOf(request.runId));
      await eventually(() => forgotten() || world.session.ended(request.runId), { what: `an end of ${request.runId}` });
      const end = world.session.ended(request.runId);
      if (end?.type === 'run_ended') {
        expect(end).toEqual({ type: 'run_ended', cause: 'exited', exitCode: 0, left: 0 });
        expect(world.session.output(request.runId)).toBe('1\n2\n3\n');
      } else if (end) {
        expect(end.code).toBe('start_failed');
      }
      expect(await world.left(request.runId)).toEqual([]);
    }
  }, 60_000);

  it('asks again when its claim was answered too late, and executes only within the time granted', async () => {
    await world.startRunner();
    world.session.claimDelayMs = 300;
    const request = await world.start('short', { request: { ttlMs: 200 } });
    await eventually(() => world.session.claims.length >= 2);
    expect(world.session.factsOf(request.runId, 'run_started')).toEqual([]);
    world.session.claimDelayMs = 0;

    expect(await world.ended(request.runId)).toMatchObject({ cause: 'exited', exitCode: 0 });
  }, 20_000);

  it('takes no more runs than it has room for', async () => {
    await world.startRunner({ ORBITMESH_RUNNER_CAPACITY: '1' });
    const first = await world.start('long');
    await eventually(() => world.session.output(first.runId) === 'up\n');

    await expect(world.start('long')).rejects.toMatchObject({ code: 'LIMIT_REACHED' });

    await kill(first);
    await world.ended(first.runId);
    const next = await world.start('short');
    expect(await world.ended(next.runId)).toMatchObject({ exitCode: 0 });
  }, 20_000);

  it('is known by the name of its machine, keeps its runs in its slot, and tells agents how the API is called from there', async () => {
    world.providers({ short: SHELL('echo $ORBITMESH_API_URL') });
    await world.startRunner({ ORBITMESH_RUNNER_NAME: 'build-2', ORBITMESH_API_URL: 'http://hub.example:4750' });
    const request = world.request('short');
    await world.session.bus.request(RunnerRpc.start, request, { runnerId: 'build-2-0' });

    expect(await world.ended(request.runId)).toMatchObject({ exitCode: 0 });
    expect(world.session.output(request.runId)).toBe('http://hub.example:4750\n');
    expect(world.session.heartbeats.at(-1)).toMatchObject({ runnerId: 'build-2-0' });
    expect(existsSync(world.dirOf(request.runId))).toBe(true);
  }, 20_000);

  it('tells in its heartbeats who it is, what it holds, and which providers there are, as providers.json changes', async () => {
    await world.startRunner({ ORBITMESH_RUNNER_LABELS: 'zone=a,gpu=' });
    const request = await world.start('long');
    const beat = await eventually(() => world.session.heartbeats.find(({ runs }) => runs.some(({ state }) => state === 'running')));

    expect(beat).toMatchObject({
      runnerId: 'slot-0', pid: world.runnerPid, capacity: 16, labels: { zone: 'a', gpu: '' }, draining: false,
      runs: [{ sessionId: request.sessionId, runId: request.runId, epoch: 1, state: 'running' }],
    });
    expect(beat.providers.map(({ name, installed }) => [name, installed])).toEqual([['demo', true], ['short', true], ['long', true]]);
    world.providers({ gone: { driver: 'process', command: ['/nowhere'] }, strange: { driver: 'telepathy', command: ['/bin/true'] } });
    const later = await eventually(() => world.session.heartbeats.findLast(({ providers }) => providers.some(({ name }) => name === 'gone')));
    expect(later.providers.map(({ name, installed }) => [name, installed])).toEqual([['demo', true], ['gone', false], ['strange', false]]);
    await kill(request);
    await world.ended(request.runId);
  }, 20_000);

  it('says with its last heartbeat that it takes nothing any more', async () => {
    await world.startRunner();
    await eventually(() => world.session.heartbeats.at(-1)?.draining === false);
    expect(await world.stopRunner()).toBe(0);
    expect(world.session.heartbeats.at(-1)).toMatchObject({ draining: true });
  }, 20_000);

  it('resolves directories for session-service', async () => {
    await world.startRunner();
    mkdirSync(join(world.workingDir, 'sub'));
    writeFileSync(join(world.workingDir, 'file'), '');
    const resolve = (path: string) => world.session.bus.request(AnyRunnerRpc.resolveDirectory, { path, roots: [world.workingDir] });

    expect(await resolve(join(world.workingDir, 'sub'))).toEqual({ realPath: join(world.workingDir, 'sub') });
    for (const path of [join(world.workingDir, 'file'), join(world.workingDir, 'none'), '/', world.home]) {
      await expect(resolve(path)).rejects.toMatchObject({ code: 'WORKING_DIR_INVALID' });
    }
  });

  it('takes no start in a directory that it does not have, nor in another than its own where it was given some: nothing of it is kept', async () => {
    const [own, other] = [join(world.workingDir, 'own'), join(world.workingDir, 'other')];
    for (const directory of [own, other]) mkdirSync(directory);
    await world.startRunner({ ORBITMESH_RUNNER_ROOTS: `${own}/:/nowhere` });
    expect(await eventually(() => world.session.heartbeats.at(-1))).toMatchObject({ roots: [own, '/nowhere'], cpuLoad: expect.any(Number) });
    const refused = async (workingDir: string): Promise<void> => {
      const request = world.request('short');
      const start = world.session.bus.request(RunnerRpc.start, { ...request, manifest: { ...request.manifest, workingDir } }, { runnerId: 'slot-0' });
      await expect(start).rejects.toMatchObject({ code: 'WORKING_DIR_INVALID' });
      expect(existsSync(world.dirOf(request.runId))).toBe(false);
      await expect(world.session.bus.request(RunnerRpc.resolveDirectory, { path: workingDir, roots: [world.workingDir] }, { runnerId: 'slot-0' })).rejects.toMatchObject({ code: 'WORKING_DIR_INVALID' });
    };
    await refused(join(own, 'none'));
    await refused(other);

    const request = world.request('short');
    await world.session.bus.request(RunnerRpc.start, { ...request, manifest: { ...request.manifest, workingDir: own } }, { runnerId: 'slot-0' });
    expect(await world.ended(request.runId)).toMatchObject({ exitCode: 0 });
  }, 20_000);

  it('refuses ids that could lead out of its directory', async () => {
    await world.startRunner();

    await expect(world.start('short', { request: { runId: '../../escape' } })).rejects.toMatchObject({ code: 'VALIDATION_FAILED' });
  });

  it('gives up a run whose start is stopped while it waits for its claim, without executing anything', async () => {
    await world.startRunner();
    world.session.claimDelayMs = 500;
    const request = await world.start('long');
    await eventually(() => world.session.claims.length === 1);
    await kill(request);

    expect(await world.ended(request.runId)).toMatchObject({ type: 'run_ended', cause: 'killed', left: 0 });
    expect(world.session.factsOf(request.runId, 'run_started')).toEqual([]);
  });
});
