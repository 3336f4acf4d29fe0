import { existsSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import { eventually, inFull } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from '../testing/runner-main.js';
import { canMountSmallDisk, mountSmallDisk, unmountSmallDisk } from '../testing/small-disk.js';

const AGENT = fileURLToPath(new URL('../../dist/testing/hostile/hostile-agent.js', import.meta.url));
const WAIT_MS = 60_000;
const withSmallDisk = canMountSmallDisk() ? describe : describe.skip;

withSmallDisk('an agent that fills the disk its runner writes to', () => {
  let world: RunnerWorld;
  let disk: string;

  beforeAll(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    disk = join(world.home, 'provider-runner');
    mkdirSync(disk);
    expect(mountSmallDisk(disk, '16m')).toBe(true);
    world.providers({
      greedy: { driver: 'acp', command: [process.execPath, AGENT, 'acp', 'fills-the-disk'] },
      beside: { driver: 'process', command: ['/bin/cat'] },
      talks: { driver: 'process', command: ['/bin/sh', '-c', 'while echo up; do sleep 0.02; done'] },
      stays: { driver: 'process', command: ['/bin/sh', '-c', `trap '' TERM; echo up; exec sleep 300`] },
    });
    await world.startRunner();
  }, WAIT_MS);
  afterAll(async () => {
    await world?.stopRunner();
    unmountSmallDisk(disk);
    await world?.close();
  }, WAIT_MS);

  const to = { runnerId: 'slot-0' };
  const command = ({ sessionId, runId, epoch }: StartRun) => ({ sessionId, runId, epoch, reason: 'test' });

  it('is killed like any other, and the session beside goes on', async () => {
    const beside = await world.start('beside', { manifest: { prompt: 'before' } });
    await eventually(() => world.session.output(beside.runId) === 'before\n');
    const greedy = await world.start('greedy');
    await eventually(() => statfsSync(disk).bavail === 0, { what: 'a full disk', timeoutMs: WAIT_MS });

    await eventually(() => world.session.heartbeats.at(-1)?.problem === 'its disk is full', { what: 'a heartbeat that says so', timeoutMs: WAIT_MS });
    await world.session.bus.request(RunnerRpc.kill, command(greedy), to);

    expect(await world.ended(greedy.runId, WAIT_MS)).toMatchObject({ type: 'run_ended', cause: 'killed', left: 0 });
    expect(await world.left(greedy.runId)).toEqual([]);
    await world.session.bus.request(RunnerRpc.input, { ...command(beside), inputId: 'inp_1', text: 'after' }, to);
    await eventually(() => world.session.output(beside.runId) === 'before\nafter\n');
    await world.session.bus.request(RunnerRpc.stop, command(beside), to);
    expect(await world.ended(beside.runId)).toMatchObject({ cause: 'stopped', exitCode: 0, left: 0 });
  }, 2 * WAIT_MS);

  it.each([['ends its agents', undefined], ['leaves them as they are', { keepAgents: true }]])('does not hold up its runner when that leaves and %s: the next one says what became of them', async (_what, how) => {
    const { runId, ...run } = await world.start('talks');
    await eventually(() => world.session.output(runId) !== '');
    const fill = join(disk, 'fill');
    expect(() => writeFileSync(fill, Buffer.alloc(32 * 1024 * 1024))).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    const unwritten = (): number => world.log.match(/the fact journal cannot be written/g)?.length ?? 0;
    const before = unwritten();
    await eventually(() => unwritten() > before, { what: 'a step that is not written', timeoutMs: WAIT_MS });

    expect(await world.stopRunner(how)).toBe(how ? 0 : 1);

    rmSync(fill);
    await world.startRunner();
    if (how) await world.session.bus.request(RunnerRpc.kill, command({ ...run, runId }), to);
    expect(await world.ended(runId)).toMatchObject({ cause: how ? 'killed' : 'shutdown', left: 0 });
  }, 2 * WAIT_MS);

  inFull('does not hide why its neighbours ended: told to stop, or by a shutdown, they are told so once there is room, though their runner has died meanwhile', async () => {
    const living = async (): Promise<StartRun> => {
      const run = await world.start('stays');
      await eventually(() => world.session.output(run.runId) === 'up\n');
      return run;
    };
    const whileFull = async (act: () => Promise<unknown>): Promise<void> => {
      const fill = join(disk, 'fill');
      expect(() => writeFileSync(fill, Buffer.alloc(32 * 1024 * 1024))).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
      await act();
      rmSync(fill);
    };
    const [stopped, killed, shut] = [await living(), await living(), await living()];

    await whileFull(async () => {
      for (const run of [stopped, killed]) await world.session.bus.request(RunnerRpc.stop, command(run), to);
      await world.session.bus.request(RunnerRpc.kill, command(killed), to);
      await eventually(() => [stopped, killed].every((run, n) => existsSync(join(world.dirOf(run.runId), n === 0 ? 'end.stopped' : 'end.killed'))), { what: 'ends on record' });
      await world.killRunner();
    });
    await world.startRunner();
    expect(await world.ended(stopped.runId)).toMatchObject({ cause: 'stopped', left: 0 });
    expect(await world.ended(killed.runId)).toMatchObject({ cause: 'killed', left: 0 });

    await whileFull(async () => {
      expect(await world.stopRunner()).toBe(0);
      expect(await world.left(shut.runId)).toEqual([]);
    });
    await world.startRunner();
    expect(await world.ended(shut.runId)).toMatchObject({ cause: 'shutdown', left: 0 });
  }, 2 * WAIT_MS);
});
