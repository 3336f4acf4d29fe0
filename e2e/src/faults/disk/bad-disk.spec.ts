import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { EventEnvelope, Project, SessionView, Task } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { countedLines, pageAll } from '../../support/feed.js';
import { Scenario } from '../../support/scenario.js';
import { auditHome } from '../harness/home-check.js';
import { FAULT_TEST_MS, inFaultRun } from '../how-often.js';
import { BadDisk } from './bad-disk.js';

/** Beyond what a request to a runner, a gateway's look and a client wait for. */
const SYNC_MS = 6_000;
const SLOW_FOR_MS = 30_000;

inFaultRun('a disk that goes bad under a stack at work', () => {
  let disk: BadDisk;
  let scenario: Scenario;
  let project: Project;

  beforeEach(async () => {
    disk = await BadDisk.create();
    scenario = await Scenario.start({ env: disk.env });
    project = await scenario.project();
  }, 90_000);
  afterEach(async () => {
    await disk.heal();
    await scenario.stop();
    await disk.remove();
  }, 60_000);

  const counting = async (numbered: number): Promise<string> => {
    const { id } = await scenario.spawn(project.id, { custom: { demo: { numbered, delayMs: 100 } } });
    await scenario.running(id);
    return id;
  };
  const events = (): Promise<EventEnvelope[]> => pageAll((path) => scenario.api.get(path));
  const healthSays = (problems: object): Promise<unknown> => eventually(async () => {
    expect(await scenario.api.request('GET', '/health/ready')).toMatchObject({ status: 503, body: { problems } });
    return true;
  }, { what: `health that says ${JSON.stringify(problems)}`, timeoutMs: 30_000 });
  const healthy = (): Promise<unknown> => eventually(async () => (await scenario.api.request('GET', '/health/ready')).status === 200, { what: 'readiness', timeoutMs: 60_000 });
  const completed = async (id: string, lines: number): Promise<void> => {
    expect(await scenario.ended(id, 120_000)).toMatchObject({ outcome: { code: 'completed' } });
    expect(countedLines(await events(), id)).toEqual(Array.from({ length: lines }, (_none, index) => index + 1));
  };
  const soundHome = (): Promise<unknown> => eventually(() => {
    expect(auditHome(scenario.stack.home)).toEqual([]);
    return true;
  }, { what: 'a sound home', timeoutMs: 30_000 });

  it('and takes no writes (EROFS) is told in health and to who writes; reads and the agents go on, and it heals by itself', async () => {
    const { api } = scenario;
    const task = await scenario.task(project.id);
    const id = await counting(200);

    await disk.become({ readOnly: true });
    const refused = await eventually(async () => {
      const answer = await api.request('PATCH', `/api/tasks/${task.id}`, { body: { title: 'x' } });
      return answer.status !== 200 && answer;
    }, { what: 'a refusal' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'STORAGE_WRITE' } });
    await healthSays({ sessionService: expect.stringContaining('takes no writes') });
    expect((await api.request('POST', '/api/sessions/spawn', { body: { projectId: project.id, initialDirective: 'x' } })).body).toMatchObject({ code: 'STORAGE_WRITE' });
    for (const path of ['/api/events', '/api/tasks', '/api/sessions', `/api/sessions/${id}`, `/api/sessions/${id}/events`]) expect(await api.request('GET', path)).toMatchObject({ status: 200 });

    await disk.heal();
    await healthy();
    expect(await api.ok('PATCH', `/api/tasks/${task.id}`, { title: 'y' })).toMatchObject({ title: 'y' });
    await completed(id, 200);
    await completed(await counting(3), 3);
    await soundHome();
  }, FAULT_TEST_MS);

  it(`and takes ${SYNC_MS / 1_000} s for a sync loses nothing that was acknowledged and calls nobody lost, and health says that it is slow`, async () => {
    const id = await counting(500);
    await disk.become({ syncMs: SYNC_MS });
    const until = performance.now() + SLOW_FOR_MS;
    const acknowledged: Task[] = [];
    const answered = new Set<number>();
    const client = async (): Promise<void> => {
      for (let key = randomUUID(); performance.now() < until;) {
        const { status, body } = await scenario.api.request<Task>('POST', '/api/tasks', { body: { projectId: project.id, title: key }, headers: { 'idempotency-key': key } });
        answered.add(status);
        if (status !== 201) continue;
        acknowledged.push(body);
        key = randomUUID();
      }
    };
    const clients = Promise.all(Array.from({ length: 4 }, client));
    await healthSays({ sessionService: expect.stringContaining('Its disk is slow') });
    // It starts on that disk, too.
    const second = await scenario.api.insist<SessionView>('POST', '/api/sessions/spawn', { projectId: project.id, initialDirective: 'Count', permissionMode: 'allow', custom: { demo: { numbered: 3 } } });
    await clients;
    expect(acknowledged.length).toBeGreaterThan(0);
    expect([201, 503]).toEqual(expect.arrayContaining([...answered]));

    await disk.heal();
    await healthy();
    await completed(id, 500);
    await completed(second.id, 3);
    const made = (await events()).filter(({ type }) => type === 'task:created').map(({ data }) => (data as unknown as Task).title);
    expect(new Set(made).size).toBe(made.length);
    expect(made).toEqual(expect.arrayContaining(acknowledged.map(({ title }) => title)));
    await scenario.stack.killAndWait('session-service');
    for (const { id: taskId, title } of acknowledged) expect(await scenario.api.get(`/api/tasks/${taskId}`)).toMatchObject({ title });
    await soundHome();
  }, FAULT_TEST_MS);
});
