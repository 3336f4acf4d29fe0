import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { clockText, dayText } from './document-text.js';
import { anything } from './testing/any-answer.js';
import { TestHome } from './testing/test-home.js';

let home: TestHome;
beforeEach(async () => { home = await TestHome.make(); });
afterEach(() => home.remove());

const FIRST = '2026-01-01T12:00:00.000Z';
const LATER = '2026-01-03T12:30:00.000Z';

describe('session timeline', () => {
  const entry = (seq: number, timestamp: string, data: object) => ({ seq, sessionSeq: seq, cursor: `l.${seq}`, id: `e${seq}`, type: 'timeline', timestamp, commitEnd: true, sessionId: 'sess_1', data });
  const entries = [
    entry(1, FIRST, { kind: 'started', message: 'The agent is at work.', by: 'system' }), entry(2, FIRST, { kind: 'task_completed', message: 'Sealed it', taskId: 'task_1', by: 'agent' }),
    entry(3, LATER, { kind: 'task_failed', message: 'Nobody knows', taskId: 'task_gone', by: 'agent' }), entry(4, LATER, { kind: 'completed', message: 'All done:\n- one\n- two', by: 'user' }),
  ];
  const script = () => home.api.on('GET /api/sessions/sess_1', [200, { ...anything('sess_1'), name: 'Ada' }]).on('GET /api/sessions/sess_1/timeline?limit=200', [200, { items: entries.slice(0, 3), nextCursor: '3' }])
    .on('GET /api/sessions/sess_1/timeline?cursor=3&limit=200', [200, { items: entries.slice(3), nextCursor: '4' }]).on('GET /api/sessions/sess_1/timeline?cursor=4&limit=200', [200, { items: [], nextCursor: '4' }])
    .on('GET /api/tasks/task_1', [200, { id: 'task_1', title: 'The seal' }]);

  it('tells who said what when, and of which task', async () => {
    script();
    expect((await home.cli(['session', 'timeline', 'sess_1'])).out).toBe([
      'Ada  sess_1  completed',
      dayText(FIRST),
      `${clockText(FIRST)}  system  started         The agent is at work.`,
      `${clockText(FIRST)}  Ada     task_completed  Sealed it  (The seal)`,
      dayText(LATER),
      `${clockText(LATER)}  Ada     task_failed     Nobody knows  (task_gone)`,
      `${clockText(LATER)}  user    completed`,
      '          All done:', '          - one', '          - two', ''].join('\n'));
  });

  it('is the own one in a session, an event a line to programs', async () => {
    script();
    const ran = await home.cli(['session', 'timeline', '--json'], { env: { ORBITMESH_SESSION_ID: 'sess_1', ORBITMESH_TOKEN: 't', ORBITMESH_API_URL: home.api.url } });
    expect(ran.out.trim().split('\n').map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([1, 2, 3, 4]);
  });
});

describe('mail thread', () => {
  const mail = (id: string, more: object) => ({ ...anything(id), createdAt: FIRST, threadId: 'bc_1', priority: 'normal', state: 'read', subject: 'Work', ...more });
  const mails = [
    mail('mail_1', { broadcastId: 'bc_1', fromSessionId: 'sess_0', fromName: 'Boss', toSessionId: 'sess_1', type: 'assignment', body: 'Begin.' }),
    mail('mail_2', { broadcastId: 'bc_1', fromSessionId: 'sess_0', fromName: 'Boss', toSessionId: 'sess_2', type: 'assignment', body: 'Begin.', state: 'queued' }),
    mail('mail_3', { fromSessionId: 'sess_1', fromName: 'Ada', toSessionId: 'sess_0', type: 'query', body: 'Where?', priority: 'high' }), mail('mail_4', { fromName: 'Bob', fromSessionId: 'sess_2', toSessionId: null, type: 'response', body: 'Here.' }),
  ];

  it('is told oldest first, with names; what went to many is told once', async () => {
    home.api.on('GET /api/mail/thread/bc_1?limit=200', [200, { items: mails, nextCursor: null }]);
    expect((await home.cli(['mail', 'thread', 'bc_1'])).out).toBe([
      'Work  bc_1',
      dayText(FIRST),
      `${clockText(FIRST)}  Boss → Ada, Bob  assignment  Begin.  (read, queued, bc_1)`,
      `${clockText(FIRST)}  Ada → Boss       query       Where?  (read, high, mail_3)`,
      `${clockText(FIRST)}  Bob → people     response    Here.  (read, mail_4)`, ''].join('\n'));
  });

  it('is found by any mail in it, and asks for the name of who never wrote', async () => {
    home.api.on('GET /api/mail/thread/mail_2?limit=200', [200, { items: [], nextCursor: null }]).on('GET /api/mail/mail_2', [200, { id: 'mail_2', threadId: 'bc_1' }])
      .on('GET /api/mail/thread/bc_1?limit=200', [200, { items: mails.slice(0, 2), nextCursor: null }]).on('GET /api/sessions/sess_1', [200, { name: 'Ada' }]);
    expect((await home.cli(['mail', 'thread', 'mail_2'])).out).toContain('Boss → Ada, sess_2  assignment');
  });

  it('comes to 3 when nobody ever heard of it', async () => {
    expect((await home.cli(['mail', 'thread', 'nope'])).code).toBe(3);
  });
});
