import { ADMIN, AGENT, FakeContext, SessionHarness, spawnCommand, taskNamed } from '../testing/session-harness.js';
import type { FeedEvent } from '../feed/envelope.js';
import { TASK_SESSIONS_MAX } from '../limits.js';
import type { TimelineKind } from '../work/timeline.js';
import { deleteSession, handleSession } from './handle-session.js';
import { sessionView } from './session-status.js';

const withTasks = (fields = {}) => new SessionHarness(fields, [taskNamed('task_1'), taskNamed('task_2')]);
const ids = ({ type, projectId, sessionId, taskId }: FeedEvent) => [type, projectId, sessionId, taskId];
const entries = (harness: SessionHarness) => harness.tasks.map((task) => task.taskSessionStatuses['sess_1']);
const note = (harness: SessionHarness, kind: TimelineKind, taskId?: string) => harness.do({ type: 'timeline', kind, message: 'words', ...(taskId && { taskId }), actor: AGENT });

describe('a spawn', () => {
  it('is told as created and spawn, then the links, then each task once as it is now', () => {
    const harness = withTasks();
    expect(harness.last.map(ids)).toEqual([
      ['session:created', 'proj_1', 'sess_1', undefined],
      ['session:spawn', 'proj_1', 'sess_1', undefined],
      ['task:session_added', 'proj_1', 'sess_1', 'task_1'],
      ['task:session_added', 'proj_1', 'sess_1', 'task_2'],
      ['task:updated', 'proj_1', undefined, 'task_1'],
      ['task:updated', 'proj_1', undefined, 'task_2'],
    ]);
    expect(harness.last[0].data).toEqual(sessionView(harness.session));
    expect(harness.last[4].data).toEqual(harness.tasks[0]);
    expect(harness.tasks[0]).toMatchObject({ sessionIds: ['sess_1'], taskSessionStatuses: { sess_1: 'queued' }, revision: 2 });
    expect(harness.session.revision).toBe(1);
  });

  it('leaves no trace when a task is missing or foreign', () => {
    const ctx = new FakeContext();
    const spawn = spawnCommand({ taskIds: ['task_1'] });
    expect(() => handleSession(null, spawn, ctx, [])).toThrow(expect.objectContaining({ code: 'TASK_NOT_FOUND' }));
    expect(() => handleSession(null, spawn, ctx, [taskNamed('task_1', { projectId: 'proj_2' })])).toThrow(expect.objectContaining({ code: 'TASK_REFERENCE_INVALID' }));
    expect(() => handleSession(null, spawnCommand({ name: 'x'.repeat(100_000) }), ctx, [])).toThrow(expect.objectContaining({ code: 'DOCUMENT_TOO_LARGE' }));
  });

  it('of a child knows its root', () => {
    const child = new SessionHarness({ parent: { sessionId: 'sess_parent', rootSessionId: 'sess_root' } });
    expect(child.session).toMatchObject({ parentSessionId: 'sess_parent', rootSessionId: 'sess_root' });
  });
});

describe('the feed of a commit', () => {
  it('tells what happened first and each changed entity last, once, as GET gives it', () => {
    const harness = withTasks().run();
    note(harness, 'task_started', 'task_1');
    note(harness, 'task_completed', 'task_1');
    harness.report('completed');
    harness.turnEnds();
    harness.runEnds();
    expect(harness.last.map(ids)).toEqual([
      ['status_change', 'proj_1', 'sess_1', undefined],
      ['timeline', 'proj_1', 'sess_1', undefined],
      ['notify:session_completed', 'proj_1', 'sess_1', undefined],
      ['notify:task_session_completed', 'proj_1', 'sess_1', 'task_2'],
      ['task:updated', 'proj_1', undefined, 'task_2'],
      ['session:updated', 'proj_1', 'sess_1', undefined],
    ]);
    expect(harness.last.at(-1)!.data).toEqual(sessionView(harness.session));
    expect(harness.last.at(-1)!.data).toMatchObject({ status: 'completed', outcome: { code: 'completed' } });
    expect(harness.last.at(-2)!.data).toEqual(harness.tasks[1]);
  });

  it('names a task only where the rule says so', () => {
    const harness = withTasks().run();
    note(harness, 'progress', 'task_2');
    note(harness, 'task_failed', 'task_2');
    harness.stop();
    harness.runEnds();
    for (const event of harness.events) {
      expect(event.projectId).toBe('proj_1');
      const namesTask = event.type.startsWith('task:') || event.type.startsWith('notify:task_') || (event.type === 'timeline' && (event.data as { by: string }).by !== 'system');
      expect(event.taskId !== undefined).toBe(namesTask);
      expect(event.sessionId !== undefined).toBe(event.type !== 'task:updated');
    }
  });
});

describe('the tasks of a session', () => {
  it('are queued, then worked on, then what the session came to', () => {
    const harness = withTasks();
    expect(entries(harness)).toEqual(['queued', 'queued']);
    harness.run();
    expect(entries(harness)).toEqual(['working', 'working']);
    harness.stop();
    expect(entries(harness)).toEqual(['working', 'working']);
    harness.runEnds();
    expect(entries(harness)).toEqual(['failed', 'failed']);
    expect(harness.all('notify:task_session_failed').map(({ taskId }) => taskId)).toEqual(['task_1', 'task_2']);
  });

  it('follow what the agent reports of each, and what is over stays', () => {
    const harness = withTasks().run();
    note(harness, 'task_blocked', 'task_1');
    expect(entries(harness)).toEqual(['blocked', 'working']);
    note(harness, 'task_skipped', 'task_1');
    note(harness, 'task_failed', 'task_2');
    expect(harness.lastTypes).toEqual(['timeline', 'notify:task_session_failed', 'task:updated']);
    harness.report('completed');
    harness.turnEnds();
    harness.runEnds();
    expect(entries(harness)).toEqual(['skipped', 'failed']);
    expect(harness.tasks.map(({ status }) => status)).toEqual(['todo', 'todo']);
  });

  it('are failed when it never ran, and completed when a report outlived a crash', () => {
    const cancelled = withTasks();
    cancelled.stop();
    expect(entries(cancelled)).toEqual(['failed', 'failed']);
    const crashed = withTasks().run();
    crashed.report('completed');
    crashed.runEnds({ cause: 'crashed' });
    expect(entries(crashed)).toEqual(['completed', 'completed']);
  });

  it('need not be named where there is only one', () => {
    const harness = new SessionHarness({}, [taskNamed('task_1')]).run();
    note(harness, 'task_completed');
    expect(entries(harness)).toEqual(['completed']);
    expect(harness.last[0]).toMatchObject({ type: 'timeline', taskId: 'task_1' });
  });

  it('forget the oldest session that is over when they remember too many, and say so', () => {
    const sessionIds = Array.from({ length: TASK_SESSIONS_MAX }, (_, i) => `sess_old_${i}`);
    const over = Object.fromEntries(sessionIds.map((id, i) => [id, i === 0 ? 'working' as const : 'failed' as const]));
    const harness = new SessionHarness({}, [taskNamed('task_1', { sessionIds, taskSessionStatuses: over })]);
    expect(harness.last.filter(({ type }) => type.startsWith('task:session')).map(ids)).toEqual([
      ['task:session_removed', 'proj_1', 'sess_old_1', 'task_1'], ['task:session_added', 'proj_1', 'sess_1', 'task_1'],
    ]);
    expect(harness.tasks[0].sessionIds).toHaveLength(TASK_SESSIONS_MAX);
    const live = Object.fromEntries(sessionIds.map((id) => [id, 'working' as const]));
    expect(() => new SessionHarness({}, [taskNamed('task_1', { sessionIds, taskSessionStatuses: live })])).toThrow(expect.objectContaining({ code: 'LIMIT_REACHED' }));
  });
});

describe('deleting a session', () => {
  it('is refused while it lives', () => {
    const harness = withTasks().run();
    expect(() => deleteSession(harness.session, harness.tasks, harness.ctx)).toThrow(expect.objectContaining({ code: 'SESSION_NOT_TERMINAL' }));
  });

  it('takes its links with it', () => {
    const harness = withTasks();
    harness.do({ type: 'stop', reason: '', actor: ADMIN });
    const { tasks, events } = deleteSession(harness.session, harness.tasks, harness.ctx);
    expect(tasks.map((task) => [task.sessionIds, task.taskSessionStatuses])).toEqual([[[], {}], [[], {}]]);
    expect(events.map(ids)).toEqual([
      ['task:session_removed', 'proj_1', 'sess_1', 'task_1'], ['task:session_removed', 'proj_1', 'sess_1', 'task_2'],
      ['task:updated', 'proj_1', undefined, 'task_1'], ['task:updated', 'proj_1', undefined, 'task_2'],
      ['session:deleted', 'proj_1', 'sess_1', undefined],
    ]);
    expect(events.at(-1)!.data).toEqual({ id: 'sess_1', projectId: 'proj_1', taskIds: ['task_1', 'task_2'], parentSessionId: null });
  });
});
