import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventEnvelope, Task } from '@orbitmesh/domain';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

const TASKS = 5;

describe('the tasks of sessions that end', () => {
  let scenario: Scenario;
  let projectId: string;

  beforeAll(async () => {
    scenario = await Scenario.start();
    projectId = (await scenario.project()).id;
  }, 90_000);
  afterAll(() => scenario.stop(), 30_000);

  const tasks = (): Promise<Task[]> => Promise.all(Array.from({ length: TASKS }, (_none, n) => scenario.task(projectId, { title: `Task ${n}` })));
  const entries = async (of: readonly Task[]): Promise<Task[]> => Promise.all(of.map(({ id }) => scenario.api.get<Task>(`/api/tasks/${id}`)));

  it('completed and failed at once have the right entry in each of them, each told once and in order', async () => {
    const shared = await tasks();
    const taskIds = shared.map(({ id }) => id);
    const [good, bad] = await Promise.all([
      scenario.spawn(projectId, { taskIds, name: 'Good' }), scenario.spawn(projectId, { taskIds, name: 'Bad', custom: { demo: { fail: 'It cannot be done' } } }),
    ]);
    expect((await Promise.all([good, bad].map(({ id }) => scenario.ended(id)))).map(({ status }) => status)).toEqual(['completed', 'failed']);

    for (const task of await entries(shared)) {
      expect(task.taskSessionStatuses).toEqual({ [good.id]: 'completed', [bad.id]: 'failed' });
      expect(task.sessionIds.sort()).toEqual([good.id, bad.id].sort());
      // The task itself is its user's.
      expect(task.status).toBe('todo');
    }
    const events = await pageAll((path) => scenario.api.get(path));
    expect(events.map(({ seq }) => seq)).toEqual(events.map((_event, n) => n + 1));
    const told = (event: EventEnvelope): string => `${event.type} ${event.sessionId} ${event.taskId}`;
    const once = events.filter(({ type }) => type.startsWith('notify:task_session_')).map(told).sort();
    expect(once).toEqual(taskIds.flatMap((id) => [`notify:task_session_completed ${good.id} ${id}`, `notify:task_session_failed ${bad.id} ${id}`]).sort());
  }, 90_000);

  it('before their first word say so', async () => {
    const shared = await tasks();
    const { id } = await scenario.spawn(projectId, { taskIds: shared.map((task) => task.id), custom: { demo: { unknown: true } } });
    expect(await scenario.ended(id)).toMatchObject({ status: 'failed', outcome: { code: 'start_failed' } });
    expect((await entries(shared)).map(({ taskSessionStatuses }) => taskSessionStatuses[id])).toEqual(Array.from({ length: TASKS }, () => 'failed'));
  }, 60_000);
});
