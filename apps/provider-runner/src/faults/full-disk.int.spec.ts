import { mkdirSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
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
});
