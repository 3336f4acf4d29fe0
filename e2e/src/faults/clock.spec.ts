import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Approval, Project, Task } from '@orbitmesh/domain';
import type { RunnerView } from '@orbitmesh/contracts';
import { eventually, LONG, ShiftedClock } from '@orbitmesh/testing';
import { Feed, pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';
import { FAULT_TEST_MS } from './how-often.js';

const HOUR_MS = 3_600_000;
const RUNNER = 'provider-runner/slot-0';
/**
 * `killed`: who has to come back under that clock, in the long form. Not session-service under one that is ahead: to a process that
 * starts then, the time has passed, and a deadline that was in it with it.
 */
const JUMPS = [
  { name: 'an hour ahead', ms: HOUR_MS, killed: [] }, { name: 'ten years ahead', ms: 10 * 365 * 24 * HOUR_MS, killed: ['nats', RUNNER] },
  { name: 'an hour back', ms: -HOUR_MS, killed: ['nats', 'session-service', RUNNER] }, { name: 'right again', ms: 0, killed: [] },
];
/** A wall clock is only believed to have passed a moment when it is this near. */
const NEAR_MS = 30_000;

describe('the wall clock of all services, set while they run', () => {
  let clock: ShiftedClock;
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    clock = await ShiftedClock.make();
    scenario = await Scenario.start({ env: clock.env });
    project = await scenario.project();
  }, 90_000);
  afterAll(async () => {
    await scenario.stop();
    await clock.remove();
  }, 30_000);

  const get = (path: string): Promise<unknown> => scenario.api.get(path);

  it(`${JUMPS.map(({ name }) => name).join(', ')}: no session, no lease, no question and no key is lost, and nothing is due early`, async () => {
    const [asking, working] = [await scenario.spawn(project.id, { permissionMode: 'ask' }), await scenario.spawn(project.id, { custom: { demo: { hang: true } } })];
    await scenario.until(asking.id, ({ needsInput }) => needsInput?.active === true, 'its question');
    const { runnerId } = (await scenario.running(working.id)).run!;
    const [approval] = (await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${asking.id}/approvals`)).items;
    const feed = await Feed.open(scenario.stack);
    const once = { body: { projectId: project.id, title: 'Once' }, headers: { 'idempotency-key': randomUUID() } };
    const task = (await scenario.api.request<Task>('POST', '/api/tasks', once)).body;

    for (const { ms, name, killed } of JUMPS) {
      await clock.set(ms);
      await eventually(async () => Math.abs(Date.parse((await scenario.task(project.id, { title: name })).createdAt) - Date.now() - ms) < NEAR_MS, { what: `a clock that is ${name}` });
      if (LONG) for (const service of killed) await scenario.stack.killAndWait(service);
      const again = await eventually(async () => {
        const answer = await scenario.api.request<Task>('POST', '/api/tasks', once);
        return answer.status === 201 ? answer : null;
      }, { what: 'an answer' });
      expect({ name, replayed: again.headers.get('idempotent-replayed'), id: again.body.id }).toEqual({ name, replayed: 'true', id: task.id });
      expect(await scenario.session(asking.id)).toMatchObject({ state: 'running', activity: 'waiting_approval', outcome: null });
      expect((await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${asking.id}/approvals`)).items).toMatchObject([{ id: approval.id, state: 'open' }]);
      // A machine that slept looks the same from here: until its next heartbeat a runner gets nothing new, and loses nothing.
      await eventually(async () => (await scenario.api.get<{ items: RunnerView[] }>('/api/runners')).items.every(({ state }) => state === 'connected'), { what: 'a connected runner' });
      expect(await scenario.session(working.id)).toMatchObject({ state: 'running', outcome: null, run: { runnerId } });
    }

    await scenario.api.ok('POST', `/api/sessions/${asking.id}/approvals/${approval.id}`, { decision: 'allow' });
    expect(await scenario.ended(asking.id)).toMatchObject({ outcome: { code: 'completed' } });
    await scenario.api.ok('POST', `/api/sessions/${working.id}/kill`, {});
    await scenario.ended(working.id);
    const all = await pageAll(get);
    expect(all.map(({ seq }) => seq)).toEqual(all.map((_event, n) => n + 1));
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    await eventually(() => feed.events.at(-1)?.seq === all.at(-1)!.seq, { what: 'the end of the feed' });
    expect(feed.events.map(({ seq }) => seq)).toEqual(all.slice(-feed.events.length).map(({ seq }) => seq));
    await feed.close();
  }, FAULT_TEST_MS);
});
