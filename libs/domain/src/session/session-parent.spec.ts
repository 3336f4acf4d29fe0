import { ADMIN, AGENT, SessionHarness, deepFreeze, spawnCommand, taskNamed } from '../testing/session-harness.js';
import { jsonBytes } from '../kernel/text.js';
import { MESSAGE_BYTES_MAX, SUBJECT_BYTES_MAX } from '../limits.js';
import { createTeamMember } from '../work/team-member-commands.js';
import type { Mail } from '../work/mail.js';
import type { Session } from './session.js';

const parentSession = (act: (parent: SessionHarness) => void = () => undefined): Session => {
  const parent = new SessionHarness({ sessionId: 'sess_parent' }).run();
  act(parent);
  return parent.session;
};
const CHILD = { parent: { sessionId: 'sess_parent', rootSessionId: 'sess_parent' }, name: 'Tests' };

/** A child that is at work. */
function child(parent: Session | null = parentSession(), fields = {}, tasks = [taskNamed('task_1')]): SessionHarness {
  const harness = new SessionHarness({ ...CHILD, ...fields }, tasks);
  harness.parent = parent;
  return harness.run();
}
const asks = (harness: SessionHarness, message = 'A or B?') => harness.do({ type: 'timeline', kind: 'needs_input', message, actor: AGENT });
const toParent = (harness: SessionHarness): Mail[] => harness.all('mail:received').map(({ data }) => data as Mail);

describe('a parent', () => {
  it('is told of its child\'s end in the commit of that end', () => {
    const harness = child();
    harness.report('completed', 'all green');
    harness.turnEnds();
    expect(toParent(harness)).toEqual([]);
    harness.runEnds();
    const [mail] = toParent(harness);
    expect(mail).toMatchObject({
      projectId: 'proj_1', fromSessionId: 'sess_1', fromName: 'Tests', toSessionId: 'sess_parent', type: 'notification', priority: 'normal', state: 'queued',
      subject: 'Finished: Tests', threadId: mail.id, broadcastId: null,
    });
    expect(mail.body).toBe([
      'Your session "Tests" (`sess_1`) has ended: completed. all green', 'Its tasks: `task_1`.', 'What it did: `orbitmesh session timeline sess_1`.',
    ].join('\n\n'));
    expect(harness.last.map(({ type, sessionId }) => [type, sessionId])).toEqual([
      ['status_change', 'sess_1'], ['timeline', 'sess_1'], ['notify:session_completed', 'sess_1'], ['notify:task_session_completed', 'sess_1'],
      ['mail:received', 'sess_parent'], ['task:updated', undefined], ['session:updated', 'sess_1'],
    ]);
    expect(harness.mails).toEqual([mail]);
  });

  const ends: [string, (harness: SessionHarness) => void, subject: string, says: string][] = [
    ['finished without a word', (h) => { h.turnEnds(); h.facts({ type: 'turn_started', inputId: h.session.pendingInputs[0].inputId }); h.turnEnds(); h.runEnds(); }, 'Finished', 'finished'],
    ['reported failed', (h) => { h.report('failed', 'no network'); h.turnEnds(); h.runEnds(); }, 'Failed', 'reported_failed. no network'],
    ['crashed', (h) => h.runEnds({ cause: 'crashed', signal: 'SIGSEGV' }), 'Failed', 'agent_crash'],
    ['was stopped', (h) => { h.stop(); h.runEnds(); }, 'Failed', 'stopped_by_user'],
    ['was killed', (h) => { h.kill(); h.runEnds({ cause: 'killed' }); }, 'Failed', 'killed'],
    ['lost its runner', (h) => h.do({ type: 'runner_lost', runId: 'run_1', message: 'silent' }), 'Failed', 'runner_lost. silent'],
    ['lost its run', (h) => h.do({ type: 'run_absent', runId: 'run_1', message: 'not listed' }), 'Failed', 'runner_lost. not listed'],
  ];
  it.each(ends)('is told once of a child that %s', (_name, act, subject, says) => {
    const harness = child();
    act(harness);
    expect(toParent(harness).map((mail) => mail.subject)).toEqual([`${subject}: Tests`]);
    expect(toParent(harness)[0].body).toContain(`has ended: ${says}`);
    harness.kill();
    harness.runEnds();
    expect(toParent(harness)).toHaveLength(1);
  });

  it('is told of a child that never ran', () => {
    const harness = new SessionHarness(CHILD);
    harness.parent = parentSession();
    harness.do({ type: 'end', outcome: 'config_invalid', message: 'no such command' });
    expect(toParent(harness).map(({ subject, body }) => [subject, body.split('\n')[0]])).toEqual([
      ['Failed: Tests', 'Your session "Tests" (`sess_1`) has ended: config_invalid. no such command'],
    ]);
  });

  it('is told once an episode that its child needs input, and how to answer', () => {
    const harness = child();
    asks(harness);
    asks(harness, 'A, B or C?');
    expect(toParent(harness).map(({ subject, body }) => [subject, body])).toEqual([
      ['Needs input: Tests', 'Your session "Tests" (`sess_1`) needs input: A or B?\n\nAnswer it with `orbitmesh mail send --to sess_1 "<your answer>"`.'],
    ]);
    harness.do({ type: 'input', inputId: 'inp_x', text: 'B', source: 'user', actor: ADMIN });
    asks(harness, 'really?');
    expect(toParent(harness)).toHaveLength(2);
    expect(harness.all('notify:needs_input')).toHaveLength(2);
  });

  it('is told that a permission is asked for, which it cannot give', () => {
    const harness = child();
    const approval = { type: 'approval_requested' as const, title: 'rm -rf build', toolCall: {}, options: [{ optionId: 'y', name: 'Yes', kind: 'allow_once' as const }] };
    harness.facts({ ...approval, approvalId: 'appr_1' }, { ...approval, approvalId: 'appr_2' });
    expect(toParent(harness).map(({ body }) => body)).toEqual([
      'Your session "Tests" (`sess_1`) needs input: rm -rf build\n\nIt asks for a permission, which only a person can give.',
    ]);
  });

  it('is told in the name of the member its child works as', () => {
    const teamMember = createTeamMember({ name: 'Ada' }, { now: '2025-01-01T00:00:00.000Z', newId: () => 'tm_1' }).doc;
    const harness = child(parentSession(), { teamMember });
    asks(harness);
    expect(toParent(harness)).toMatchObject([{ fromName: 'Ada', fromSessionId: 'sess_1' }]);
  });

  it('is told in few words of many', () => {
    const harness = child(parentSession(), { name: 'ü'.repeat(2_000) });
    asks(harness, '"'.repeat(50_000));
    harness.report('failed', '"'.repeat(50_000));
    harness.turnEnds();
    harness.runEnds();
    expect(toParent(harness)).toHaveLength(2);
    for (const { subject, body } of toParent(harness)) {
      expect(jsonBytes(subject) - 2).toBeLessThanOrEqual(SUBJECT_BYTES_MAX);
      expect(jsonBytes(body) - 2).toBeLessThanOrEqual(2 * MESSAGE_BYTES_MAX);
    }
  });

  const gone: [string, Session | null][] = [
    ['is to end', parentSession((parent) => { parent.stop(); })],
    ['has ended', parentSession((parent) => { parent.stop(); parent.runEnds(); })],
    ['died', parentSession((parent) => { parent.runEnds({ cause: 'crashed' }); })],
    ['is not there', null],
  ];
  it.each(gone)('that %s is told nothing', (_name, parent) => {
    const harness = child(parent);
    asks(harness);
    harness.runEnds({ cause: 'crashed' });
    expect(toParent(harness)).toEqual([]);
    expect(harness.mails).toEqual([]);
  });

  it('is told nothing of what goes on in between', () => {
    const harness = child();
    for (const kind of ['progress', 'milestone', 'blocked', 'error', 'task_completed'] as const) harness.do({ type: 'timeline', kind, message: 'words', actor: AGENT });
    harness.do({ type: 'pause', reason: '', actor: ADMIN });
    harness.facts({ type: 'paused' });
    expect(toParent(harness)).toEqual([]);
  });

  it('is given it as its own input, when its turn ends', () => {
    const parent = new SessionHarness({ sessionId: 'sess_parent', mode: 'interactive' }).run();
    const harness = child(parent.session);
    harness.runEnds({ cause: 'crashed' });
    parent.mails = [...deepFreeze(harness.mails)];
    parent.turnEnds();
    expect(parent.session.pendingInputs).toMatchObject([{ source: 'mail', mailIds: [harness.mails[0].id], text: expect.stringContaining('## Failed: Tests') }]);
  });

  it('is not told of the spawn', () => {
    expect(new SessionHarness(spawnCommand(CHILD)).all('mail:received')).toEqual([]);
  });
});
