import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { RunnerView } from '@orbitmesh/contracts';
import type { SessionView } from '@orbitmesh/domain';
import { eventually, startStack, type TestStack } from '@orbitmesh/testing';
import { ROOT } from '../repository/checkout.js';
import { Api } from '../support/api.js';
import { inFaultRun } from './how-often.js';

const CAPACITY = 4;
const WAIT = { timeoutMs: 60_000 };
interface Runner { id: string; child: ChildProcess }

inFaultRun('several runners of one stack', () => {
  let stack: TestStack;
  let work: string;
  let api: Api;
  let projectId: string;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    const home = await mkdtemp(join(tmpdir(), 'om-home-'));
    work = await realpath(await mkdtemp(join(tmpdir(), 'om-work-')));
    await writeFile(join(home, 'providers.json'), JSON.stringify({ long: { driver: 'process', command: ['/bin/sleep', '600'] } }));
    stack = await startStack({ home, env: { ORBITMESH_RUNNER_CAPACITY: String(CAPACITY) } });
    api = new Api(stack.url, stack.token);
    projectId = (await api.post<{ id: string }>('/api/projects', { name: 'Many', workingDir: work })).id;
  }, 120_000);
  afterAll(async () => {
    await Promise.all(children.map(ended));
    await stack.stop();
    for (const directory of [stack.home, work]) await rm(directory, { recursive: true, force: true });
  }, 60_000);

  async function start(env: Record<string, string> = {}): Promise<Runner> {
    const { entryOf } = await import(join(ROOT, 'tools/lib/bundle.mjs')) as { entryOf(root: string, app: string): string };
    const child = fork(entryOf(ROOT, 'provider-runner'), [], {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: {
        PATH: process.env.PATH, HOME: stack.home, ORBITMESH_HOME: stack.home, ORBITMESH_NATS_URL: stack.natsUrl, ORBITMESH_NATS_PASSWORDS: join(stack.home, 'run', 'nats'),
        ORBITMESH_API_URL: stack.url, ORBITMESH_RUNNER_CAPACITY: String(CAPACITY), ...env,
      },
    });
    children.push(child);
    const id = await new Promise<string>((resolve, reject) => {
      child.on('message', (message: { type: string; slot?: string }) => { if (message.type === 'ready') resolve(message.slot!); });
      child.once('exit', (code) => reject(new Error(`a runner ended with ${code}`)));
    });
    return { id, child };
  }
  async function ended(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGTERM');
    await gone;
  }
  const spawn = async (more: object = {}): Promise<string> => (await api.post<SessionView>('/api/sessions/spawn', { projectId, providerType: 'long', initialDirective: 'x', ...more })).id;
  const session = (id: string): Promise<SessionView> => api.get<SessionView>(`/api/sessions/${id}`);
  const sessions = (ids: readonly string[]): Promise<SessionView[]> => Promise.all(ids.map(session));
  const running = (...ids: string[]): Promise<unknown> => eventually(async () => (await sessions(ids)).every(({ state }) => state === 'running'), { what: 'sessions that run', ...WAIT });
  const runnerOf = async (id: string): Promise<string | undefined> => (await session(id)).run?.runnerId;
  const runner = async (id: string): Promise<RunnerView | undefined> => (await api.get<{ items: RunnerView[] }>('/api/runners')).items.find((one) => one.id === id);

  it('share the work, wait visibly, give a new one what waits, are drained, and end their sessions by SIGTERM as shutdown', async () => {
    const [a, b] = [await start(), await start()];
    const ids: string[] = [];
    for (let n = 0; n < 3 * CAPACITY + 2; n += 1) ids.push(await spawn());
    const [placed, waiting] = [ids.slice(0, 3 * CAPACITY), ids.slice(3 * CAPACITY)];
    await running(...placed);
    for (const id of ['slot-0', a.id, b.id]) expect((await runner(id))?.running).toBe(CAPACITY);
    await eventually(async () => (await sessions(waiting)).every((one) => one.waiting?.reason === 'every capable runner is at its capacity'), { what: 'a reason to wait', ...WAIT });

    const gpu = await start({ ORBITMESH_RUNNER_LABELS: 'gpu=yes' });
    await running(...waiting);
    const picky = await spawn({ runnerLabels: { gpu: 'yes' } });
    await running(picky);
    expect(await Promise.all([...waiting, picky].map(runnerOf))).toEqual([gpu.id, gpu.id, gpu.id]);

    expect(await api.post(`/api/runners/${a.id}/drain`, {})).toMatchObject({ state: 'draining', running: CAPACITY });
    const theirs = async (id: string): Promise<string[]> => (await sessions(placed)).filter(({ run, state }) => run?.runnerId === id && state === 'running').map((one) => one.id);
    for (const id of await theirs(a.id)) await api.post(`/api/sessions/${id}/stop`, {});
    await eventually(async () => (await runner(a.id))?.state === 'drained', { what: 'a drained runner', ...WAIT });
    const last = await spawn();
    await running(last);
    expect(await runnerOf(last)).toBe(gpu.id);

    const ending = await theirs(b.id);
    await ended(b.child);
    expect(ending).toHaveLength(CAPACITY);
    await eventually(async () => (await sessions(ending)).every(({ outcome }) => outcome !== null), { what: 'the ends of its sessions', ...WAIT });
    expect((await sessions(ending)).map(({ state, outcome }) => `${state} ${outcome?.code}`)).toEqual(ending.map(() => 'stopped shutdown'));

    await mkdir(join(work, 'special'));
    const special = await start({ ORBITMESH_RUNNER_ROOTS: join(work, 'special') });
    const there = await spawn({ workingDir: join(work, 'special') });
    await running(there);
    // All others are full or drained, and this one has no other directory.
    expect([special.id, await runnerOf(there)]).toEqual([b.id, b.id]);
    const elsewhere = await spawn();
    await eventually(async () => (await session(elsewhere)).waiting !== null, { what: 'a session that waits', ...WAIT });
  }, 240_000);
});
