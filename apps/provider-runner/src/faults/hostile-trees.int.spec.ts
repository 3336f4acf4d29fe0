import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import { eventually, LONG, processesNaming } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { RUN_MARKER } from '../process/run-mark.js';
import { RUNNER_MAIN } from '../testing/runner-main.js';

/** Trees at once (issue: 200 hostile process trees, 0 processes left). */
const TREES = LONG ? 200 : 4;
const WAIT_MS = LONG ? 300_000 : 60_000;
/** Between two heartbeats: a runner that is silent for 30 s is lost. */
const HEARTBEAT_MS_MAX = 10_000;

/** Waits for ever, ignores what it can, and has no child: `$0` names it, `$1` is a FIFO that nobody writes to. */
const STAY = 'trap "" TERM HUP INT; exec 9<>"$1"; while :; do read -r never <&9; done';
const stay = (how: string): string => `${how} sh -c "$STAY" "$0" "$1" >/dev/null 2>&1 &`;
/** Every way out of a tree that leaves a trace of whose it was: the tree, the group, or the marker. */
const WAYS = [
  stay(''),
  stay('setsid'),
  `(${stay('setsid')})`,
  stay('env -i'),
  stay('setsid env -i'),
  stay('env -i setsid'),
  'sh -c \'kill -STOP $$\' "$0" "$1" >/dev/null 2>&1 &',
];
/** As above, where the root of the tree is gone: who has neither group nor marker cannot be known any more. */
const KNOWN_WITHOUT_ITS_ROOT = WAYS.filter((way) => !/env -i/.test(way) || way === stay('env -i'));
const tree = (ways: string[]): string => `trap "" TERM HUP; STAY='${STAY}'; ${ways.join('\n')}\nexec sh -c "$STAY" "$0" "$1"`;

/** All of it is seen through /proc. */
const onLinux = process.platform === 'linux' ? describe : describe.skip;

onLinux(`${TREES} hostile process trees`, () => {
  const token = `tree-${randomUUID()}`;
  let world: RunnerWorld;
  let fifo: string;

  beforeAll(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    fifo = join(world.workingDir, 'never');
    execFileSync('mkfifo', [fifo]);
    const entry = (ways: string[]) => ({ driver: 'process', command: ['/bin/sh', '-c', tree(ways), token, fifo] });
    world.providers({ tree: entry(WAYS), rootless: entry(KNOWN_WITHOUT_ITS_ROOT), brief: { driver: 'process', command: ['/bin/true'] } });
    await world.startRunner({ ORBITMESH_RUNNER_CAPACITY: String(TREES) });
  }, WAIT_MS);
  afterAll(async () => {
    // Whatever a failed test left.
    for (const { pid } of await alive()) process.kill(pid, 'SIGKILL');
    await world?.close();
  }, WAIT_MS);

  const alive = () => processesNaming(`${token}`);
  const command = ({ sessionId, runId, epoch }: StartRun, rpc: typeof RunnerRpc.stop) => world.session.bus.request(rpc, { sessionId, runId, epoch, reason: 'test' }, { runnerId: 'slot-0', timeoutMs: WAIT_MS });

  async function plant(provider: string, ways: string[]): Promise<StartRun[]> {
    const runs: StartRun[] = [];
    for (let n = 0; n < TREES; n += 1) runs.push(await world.start(provider));
    // Wrappers name the token, too: the last tree may not have begun when there are as many as that.
    await eventually(() => runs.every(({ runId }) => existsSync(join(world.dirOf(runId), 'pid'))), { what: 'all of the agents', timeoutMs: WAIT_MS });
    await eventually(async () => (await alive()).length >= TREES * (ways.length + 1), { what: 'all of the trees', timeoutMs: WAIT_MS });
    return runs;
  }

  async function allEnded(runs: StartRun[]): Promise<void> {
    await eventually(() => runs.every(({ runId }) => world.session.ended(runId)), { what: 'all ends', timeoutMs: WAIT_MS });
    // And put away: what is asked of the runner next finds it with nothing else to do.
    const from = world.session.heartbeats.length;
    await eventually(() => world.session.heartbeats.slice(from).some((beat) => beat.runs.length === 0), { what: 'a runner that holds none', timeoutMs: WAIT_MS });
  }

  it('leave no process when half of them are stopped and half killed, all at once, and the runner says so meanwhile', async () => {
    const runs = await plant('tree', WAYS);
    const { heartbeats } = world.session;
    const asked = performance.now();
    const beats = [asked];
    const from = heartbeats.length;
    const counting = setInterval(() => { if (heartbeats.length - from >= beats.length) beats.push(performance.now()); }, 10);

    await Promise.all(runs.map((run, n) => command(run, n % 2 ? RunnerRpc.kill : RunnerRpc.stop)));
    await allEnded(runs);
    clearInterval(counting);

    expect(runs.map(({ runId }) => world.session.ended(runId))).toMatchObject(runs.map((_, n) => ({ type: 'run_ended', cause: n % 2 ? 'killed' : 'stopped', left: 0 })));
    expect(await alive()).toEqual([]);
    expect(Math.max(...beats.slice(1).map((at, n) => at - beats[n]))).toBeLessThan(HEARTBEAT_MS_MAX);
  }, 2 * WAIT_MS);

  it('are swept by the next runner, when their runner, their wrappers and their roots were killed', async () => {
    const runs = await plant('rootless', KNOWN_WITHOUT_ITS_ROOT);
    await world.killRunner();
    for (const { runId } of runs) for (const file of ['wrapper', 'pid']) process.kill(Number(world.readFile(world.dirOf(runId), file)), 'SIGKILL');
    expect((await alive()).length).toBeGreaterThanOrEqual(TREES * KNOWN_WITHOUT_ITS_ROOT.length);

    await world.startRunner({ ORBITMESH_RUNNER_CAPACITY: String(TREES) });

    await allEnded(runs);
    expect(runs.map(({ runId }) => world.session.ended(runId))).toMatchObject(runs.map(() => ({ type: 'run_ended', cause: 'crashed', left: 0 })));
    expect(await alive()).toEqual([]);
  }, 2 * WAIT_MS);

  it('are swept by the next runner also where the end of their run had been told', async () => {
    const { runId } = await world.start('brief');
    await world.ended(runId);
    await world.killRunner();
    const late = spawn('/bin/sh', ['-c', STAY, token, fifo], { detached: true, stdio: 'ignore', env: { [RUN_MARKER]: runId } });
    const gone = once(late, 'exit');
    await eventually(async () => (await alive()).length === 1);

    await world.startRunner({ ORBITMESH_RUNNER_CAPACITY: String(TREES) });

    expect(await gone).toEqual([null, 'SIGKILL']);
    expect(await alive()).toEqual([]);
  });
});
