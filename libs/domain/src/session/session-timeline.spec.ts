import { ADMIN, AGENT, SessionHarness, taskNamed } from '../testing/session-harness.js';
import type { TaskStatus } from '../work/task.js';
import type { TimelineEntry, TimelineKind } from '../work/timeline.js';

const entries = (harness: SessionHarness) => harness.all('timeline').map(({ data }) => data as TimelineEntry);
const written = (harness: SessionHarness) => entries(harness).filter(({ by }) => by === 'system').map(({ kind, message }) => `${kind} ${message}`);
const STARTED = 'started The agent is at work on slot-0.';
const created = () => new SessionHarness();
const starting = () => new SessionHarness().place().claim();
const running = () => new SessionHarness().run();

describe('the system itself', () => {
  const lives: [string, () => SessionHarness, (h: SessionHarness) => void, string[]][] = [
    ['cancelled before anything ran', created, (h) => h.stop(), ['stopped stopped_by_user: stopped by its user']],
    ['rejected by its configuration, unplaced', created, (h) => h.do({ type: 'end', outcome: 'config_invalid', message: 'no command' }), ['stopped config_invalid: no command']],
    ['rejected by its configuration, by the runner', starting, (h) => h.facts({ type: 'start_failed', code: 'config_invalid', message: 'no such file' }), ['stopped config_invalid: no such file']],
    ['cancelled while starting', starting, (h) => { h.stop(); h.facts({ type: 'run_started', pid: 1 }); h.runEnds(); }, ['stopped stopped_by_user: stopped by its user']],
    ['too late to start', starting, (h) => { h.do({ type: 'end', outcome: 'start_timeout', message: '60 s', kill: true }); h.runEnds({ cause: 'killed' }); }, ['stopped start_timeout: 60 s']],
    ['dead before its first word', starting, (h) => h.runEnds({ cause: 'crashed', signal: 'SIGSEGV' }), ['stopped agent_crash: The agent died of SIGSEGV.']],
    ['reported completed', running, (h) => { h.report('completed', 'all green'); h.turnEnds(); h.runEnds(); }, [STARTED, 'stopped completed: all green']],
    ['reported completed, then crashed', running, (h) => { h.report('completed', 'all green'); h.runEnds({ cause: 'crashed' }); }, [STARTED, 'stopped completed: all green']],
    ['reported failed', running, (h) => { h.report('failed', 'no network'); h.turnEnds(); h.runEnds(); }, [STARTED, 'stopped reported_failed: no network']],
    ['crashed', running, (h) => h.runEnds({ cause: 'crashed' }), [STARTED, 'stopped agent_crash: The agent died.']],
    ['killed', running, (h) => { h.kill(); h.runEnds({ cause: 'killed' }); }, [STARTED, 'stopped killed: killed by its user']],
    ['lost with its runner', running, (h) => h.do({ type: 'runner_lost', runId: 'run_1', message: 'silent for 30 s' }), [STARTED, 'stopped runner_lost: silent for 30 s']],
    ['stalled', running, (h) => { h.do({ type: 'end', outcome: 'stalled', message: 'Nothing was heard.' }); h.runEnds(); }, [STARTED, 'stopped stalled: Nothing was heard.']],
    ['in shutdown', running, (h) => h.runEnds({ cause: 'shutdown' }), [STARTED, 'stopped shutdown: The runner shut down.']],
  ];
  it.each(lives)('says once how a session that was %s began and ended', (_name, start, act, expected) => {
    const harness = start();
    act(harness);
    harness.kill();
    expect(written(harness)).toEqual(expected);
  });

  it('says how it ended in the commit of the end, before people are told', () => {
    const harness = running();
    harness.runEnds({ cause: 'crashed' });
    expect(harness.lastTypes).toEqual(['status_change', 'error', 'timeline', 'notify:session_failed', 'session:updated']);
  });

  it('does not say again that it began, when it is taken up again or goes on after a pause', () => {
    const harness = running();
    harness.facts({ type: 'run_started', pid: 8 });
    harness.do({ type: 'pause', reason: '', actor: ADMIN });
    harness.facts({ type: 'paused' });
    harness.do({ type: 'resume', reason: '', actor: ADMIN });
    harness.facts({ type: 'resumed' });
    expect(written(harness)).toEqual([STARTED]);
  });

  it('notifies nobody by that', () => {
    const harness = running();
    expect(harness.events.filter(({ type }) => type.startsWith('notify:'))).toEqual([]);
  });
});

describe('a report of a task\'s own status', () => {
  const withTasks = (...ids: string[]) => new SessionHarness({}, ids.map((id) => taskNamed(id))).run();
  const report = (harness: SessionHarness, taskStatus: TaskStatus, more: { kind?: TimelineKind; taskId?: string } = {}) =>
    harness.do({ type: 'timeline', kind: 'progress', message: 'words', taskStatus, actor: AGENT, ...more });

  it.each([['completed', 'notify:task_completed'], ['blocked', 'notify:task_blocked'], ['in_review', 'notify:task_in_review']] as const)(
    'sets it to %s, and notifies, in the same commit', (status, type) => {
      const harness = withTasks('task_1', 'task_2');
      report(harness, status, { taskId: 'task_2' });
      expect(harness.tasks.map((task) => task.status)).toEqual(['todo', status]);
      expect(harness.last.map((event) => [event.type, event.taskId])).toEqual([
        ['timeline', 'task_2'], ['notify:progress', undefined], [type, 'task_2'], ['task:updated', 'task_2'],
      ]);
      expect(harness.last.at(-1)!.data).toEqual(harness.tasks[1]);
      expect(harness.tasks[1]).toMatchObject({ startedAt: harness.ctx.now, completedAt: status === 'completed' ? harness.ctx.now : null });
    });

  it.each(['in_progress', 'todo', 'cancelled'] as const)('sets it to %s without a notification of its own', (status) => {
    const harness = withTasks('task_1');
    report(harness, 'in_review');
    report(harness, status);
    expect(harness.tasks[0].status).toBe(status);
    expect(harness.lastTypes).toEqual(['timeline', 'notify:progress', 'task:updated']);
  });

  it('changes and notifies nothing where it is that already', () => {
    const harness = withTasks('task_1');
    report(harness, 'in_review');
    const before = harness.tasks[0];
    report(harness, 'in_review');
    expect(harness.tasks[0]).toBe(before);
    expect(harness.lastTypes).toEqual(['timeline', 'notify:progress']);
  });

  it('goes with the entry of the session, in one revision', () => {
    const harness = withTasks('task_1');
    const { revision } = harness.tasks[0];
    report(harness, 'completed', { kind: 'task_completed' });
    expect(harness.tasks[0]).toMatchObject({ status: 'completed', taskSessionStatuses: { sess_1: 'completed' }, revision: revision + 1 });
    expect(harness.lastTypes).toEqual(['timeline', 'notify:task_session_completed', 'notify:task_completed', 'task:updated']);
  });

  it('is the only way to it: what a session comes to leaves it alone', () => {
    const harness = withTasks('task_1');
    harness.do({ type: 'timeline', kind: 'task_completed', message: 'done', actor: AGENT });
    harness.report('completed');
    harness.turnEnds();
    harness.runEnds();
    expect(harness.tasks[0]).toMatchObject({ status: 'todo', taskSessionStatuses: { sess_1: 'completed' } });
  });

  it('must say which task it means, and mean one of the session', () => {
    const two = withTasks('task_1', 'task_2');
    const none = withTasks();
    for (const harness of [two, none]) {
      const { session, events: { length } } = harness;
      expect(() => report(harness, 'completed')).toThrow(expect.objectContaining({ code: 'VALIDATION_FAILED', details: { taskIds: session.taskIds } }));
      expect(() => report(harness, 'completed', { taskId: 'task_9' })).toThrow(expect.objectContaining({ code: 'TASK_REFERENCE_INVALID' }));
      expect(harness.session).toBe(session);
      expect(harness.events).toHaveLength(length);
    }
    expect(report(withTasks('task_1'), 'completed').tasks).toMatchObject([{ id: 'task_1', status: 'completed' }]);
  });

  it('is taken until the session has ended, and not after', () => {
    const harness = withTasks('task_1');
    harness.stop();
    report(harness, 'in_review');
    harness.runEnds();
    expect(harness.tasks[0]).toMatchObject({ status: 'in_review', taskSessionStatuses: { sess_1: 'failed' } });
    expect(() => report(harness, 'completed')).toThrow(expect.objectContaining({ code: 'SESSION_ENDED' }));
  });
});
