import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { EventEnvelope, SessionView } from '@orbitmesh/domain';
import { eventually, processesNaming } from '@orbitmesh/testing';
import { FIVE, Fleet } from '../support/fleet.js';
import { pageAll } from '../support/feed.js';
import type { Api } from '../support/api.js';
import { inFaultRun } from './how-often.js';

/** A lease is 30 s. */
const WAIT_MS = 90_000;

inFaultRun('a runner that is silent past its lease', () => {
  let fleet: Fleet;
  let api: Api;
  let id: string;
  let runId: string;

  beforeEach(async () => {
    fleet = await Fleet.create();
    for (const name of FIVE) await fleet.start(name);
    await fleet.becomes(({ ready }) => ready, 'readiness');
    api = await fleet.api;
    const project = await api.post<{ id: string }>('/api/projects', { name: 'Lost', workingDir: fleet.workingDir });
    // It would count for five minutes.
    ({ id } = await api.post<SessionView>('/api/sessions/spawn', { projectId: project.id, initialDirective: 'Count', permissionMode: 'allow', custom: { demo: { numbered: 3_000, delayMs: 100 } } }));
    await eventually(async () => (await outputs()).length > 3, { what: 'an agent at work', timeoutMs: 30_000 });
    runId = (await session()).run!.runId;
  }, WAIT_MS);
  afterEach(() => fleet.remove(), 30_000);

  const session = (): Promise<SessionView> => api.get<SessionView>(`/api/sessions/${id}`);
  const events = async (): Promise<EventEnvelope[]> => (await pageAll((path) => api.get(path))).filter(({ sessionId }) => sessionId === id);
  const outputs = async (): Promise<EventEnvelope[]> => (await events()).filter(({ type }) => type === 'output');
  const agents = () => processesNaming(`ORBITMESH_RUN_ID=${runId}\0`);
  const lost = async (since: number): Promise<void> => {
    await eventually(async () => (await session()).state === 'error', { what: 'the end of its session', timeoutMs: WAIT_MS });
    const silentMs = performance.now() - since;
    expect(silentMs).toBeGreaterThan(27_000);
    expect(silentMs).toBeLessThan(36_000);
    expect(await session()).toMatchObject({ outcome: { code: 'runner_lost' }, error: { code: 'runner_lost' } });
  };
  /** Whatever the runner still says: the session ended once. */
  const endedOnce = async (): Promise<void> => {
    const all = await events();
    expect(all.filter(({ type }) => type === 'notify:session_failed')).toHaveLength(1);
    expect(all.filter(({ type, data }) => type === 'error' && (data as { code?: string }).code === 'runner_lost')).toHaveLength(1);
  };

  it('because its whole machine is gone: runner_lost within the lease, once, and it sweeps when it is back', async () => {
    const since = performance.now();
    await fleet.kill('provider-runner');
    // All but one of its processes, which only a sweep can find: what comes back is the machine's disk, and this.
    const [survivor, ...others] = await agents();
    for (const { pid } of others) process.kill(pid, 'SIGKILL');
    await lost(since);
    await appendFile(join(fleet.home, 'provider-runner/slot-0/runs', runId, 'out'), 'written by nobody');

    await fleet.start('provider-runner');
    await fleet.becomes(({ ready }) => ready, 'readiness');

    await eventually(async () => (await agents()).length === 0, { what: `the end of ${survivor?.command}` });
    await endedOnce();
  }, 2 * WAIT_MS);

  it('because it was frozen (SIGSTOP) and thawed (SIGCONT) past its lease: it kills its agent, and what that said meanwhile moves nothing', async () => {
    const since = performance.now();
    process.kill(fleet.pid('provider-runner'), 'SIGSTOP');
    await lost(since);
    expect((await agents()).length).toBeGreaterThan(0);
    const said = (await outputs()).length;

    process.kill(fleet.pid('provider-runner'), 'SIGCONT');

    await eventually(async () => (await agents()).length === 0, { what: 'the end of its agent' });
    await fleet.becomes(({ ready }) => ready, 'readiness');
    expect(await outputs()).toHaveLength(said);
    await endedOnce();
  }, 2 * WAIT_MS);
});
