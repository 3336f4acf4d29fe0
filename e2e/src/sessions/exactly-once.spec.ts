import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Project, SessionView, Task } from '@orbitmesh/domain';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

describe('a mutation', () => {
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    scenario = await Scenario.start();
    project = await scenario.project();
  }, 90_000);
  afterAll(() => scenario.stop(), 30_000);

  it('sent a hundred times at once under one key has one effect and one answer, also after a restart', async () => {
    const body = { projectId: project.id, initialDirective: 'Once', permissionMode: 'allow' };
    const send = () => scenario.api.request('POST', '/api/sessions/spawn', { body, headers: { 'idempotency-key': 'the-one' } });
    const answers = await Promise.all(Array.from({ length: 100 }, send));
    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([201]));
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    const id = answers[0].body.id as string;
    await scenario.ended(id);
    await scenario.stack.killAndWait('session-service');
    expect((await send()).body).toEqual(answers[0].body);
    const { items } = await scenario.api.get<{ items: SessionView[] }>(`/api/sessions?projectId=${project.id}`);
    expect(items.map((session) => session.id)).toEqual([id]);
    const other = await scenario.api.request('POST', '/api/sessions/spawn', { body: { ...body, name: 'Other' }, headers: { 'idempotency-key': 'the-one' } });
    expect(other).toMatchObject({ status: 422, body: { code: 'IDEMPOTENCY_KEY_REUSED' } });
  }, 120_000);

  it('makes one event each: ten updates in a row, ten events', async () => {
    const task = await scenario.task(project.id);
    for (let n = 1; n <= 10; n++) await scenario.api.ok('PATCH', `/api/tasks/${task.id}`, { title: `Title ${n}` });
    const updates = (await pageAll((path) => scenario.api.get(path))).filter((event) => event.type === 'task:updated' && event.taskId === task.id);
    expect(updates.map((event) => (event.data as Task).title)).toEqual(Array.from({ length: 10 }, (_none, n) => `Title ${n + 1}`));
  }, 60_000);

  it('with an If-Match that another one shares is done for one of them only', async () => {
    const task = await scenario.task(project.id);
    const { headers } = await scenario.api.request('GET', `/api/tasks/${task.id}`);
    const etag = headers.get('etag')!;
    const patch = (title: string) => scenario.api.request('PATCH', `/api/tasks/${task.id}`, { body: { title }, headers: { 'if-match': etag } });
    const answers = await Promise.all([patch('Mine'), patch('Yours')]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 412]);
    expect(answers.find((answer) => answer.status === 412)?.body).toMatchObject({ code: 'REVISION_MISMATCH' });
  }, 60_000);

  it('is there after kill -9 of session-service, the moment it was acknowledged', async () => {
    const acknowledged: string[] = [];
    const writers = Array.from({ length: 8 }, async () => {
      for (;;) {
        const answer = await scenario.api.request('POST', '/api/tasks', { body: { projectId: project.id, title: 'Written' } }).catch(() => null);
        if (answer?.status !== 201) return;
        acknowledged.push(answer.body.id as string);
      }
    });
    await new Promise<void>((done) => {
      const look = (): void => { if (acknowledged.length > 100) done(); else setImmediate(look); };
      look();
    });
    await scenario.stack.kill('session-service');
    await Promise.all(writers);
    await scenario.stack.waitReady();
    for (const id of acknowledged) expect(await scenario.api.request('GET', `/api/tasks/${id}`)).toMatchObject({ status: 200, body: { id } });
    const all = await pageAll((path) => scenario.api.get(path));
    expect(all.map((event) => event.seq)).toEqual(all.map((_event, n) => n + 1));
  }, 120_000);
});
