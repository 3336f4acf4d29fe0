import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { anything } from './testing/any-answer.js';
import { TestHome } from './testing/test-home.js';

let home: TestHome;
beforeEach(async () => {
  home = await TestHome.make();
  home.api.frames = [{ type: 'subscribed', resume: 'ok', cursor: 'l.1' }];
});
afterEach(() => home.remove());

const session = (id: string, more: object = {}) => ({ ...anything(id), state: 'running', status: 'working', outcome: null, activity: 'thinking', ...more });
const failed = { state: 'error', status: 'failed', outcome: { code: 'agent_exit', message: 'it broke' } };
const completed = { state: 'stopped', status: 'completed', outcome: { code: 'completed', message: 'done' } };
const event = (sessionId: string, type: string, seq = 2) => ({ type: 'event', event: { seq, cursor: `l.${seq}`, id: `e${seq}`, type, timestamp: '2026-01-01T00:00:00.000Z', commitEnd: true, sessionId, data: {} } });
const errorOf = (err: string) => (JSON.parse(err) as { error: Record<string, unknown> }).error;
/** The feed says this as soon as the session was looked at for the first time. */
const then = (path: string, ...frames: object[]): void => {
  void home.api.received('GET', path).then(() => { for (const frame of frames) home.api.say(frame); });
};

describe('wait', () => {
  it('prints each session when it has ended, and comes to 0 when all have completed', async () => {
    home.api.on('GET /api/sessions/s1', [200, session('s1', completed)]).on('GET /api/sessions/s2', [200, session('s2')], [200, session('s2', completed)]);
    then('/api/sessions/s2', event('s2', 'output'), event('s2', 'status_change', 3));

    expect(await home.cli(['wait', 's1', 's2'])).toEqual({ code: 0, out: 's1  completed: done\ns2  completed: done\n', err: '' });
    expect(home.api.sent.map(({ path }) => path)).toEqual(['/api/sessions/s1', '/api/sessions/s2', '/api/sessions/s2']);
  });

  it('comes to 1 when one of them failed', async () => {
    home.api.on('GET /api/sessions/s1', [200, session('s1', failed)]).on('GET /api/sessions/s2', [200, session('s2', completed)]);

    expect(await home.cli(['wait', 's1', 's2'])).toMatchObject({ code: 1, out: 's1  failed: agent_exit, it broke\ns2  completed: done\n' });
  });

  it('is content with the first one when told so', async () => {
    home.api.on('GET /api/sessions/s1', [200, session('s1')]).on('GET /api/sessions/s2', [200, session('s2', completed)]);

    expect(await home.cli(['wait', 's1', 's2', '--any', '--json'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\{"id":"s2".*\n$/) });
  });

  it('says after its time who has not come to it, with a code of its own', async () => {
    home.api.on('GET /api/sessions/s1', [200, session('s1')]);

    const ran = await home.cli(['wait', 's1', '--timeout', '0.2', '--json']);

    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(errorOf(ran.err)).toMatchObject({ code: 'WAIT_TIMEOUT', exitCode: 1, message: 's1: not ended in 0.2 s.' });
  });

  it.each<[string, object, string]>([
    ['needs-input', { needsInput: { active: true, message: 'Which one?' } }, 's1  needs input: Which one?\n'], ['idle', { activity: 'idle' }, 's1  idle\n'], ['idle', { activity: 'waiting_input' }, 's1  idle\n'],
  ])('waits for %s', async (what, come, out) => {
    home.api.on('GET /api/sessions/s1', [200, session('s1')], [200, session('s1', come)]);
    then('/api/sessions/s1', event('s1', 'metadata'));

    expect(await home.cli(['wait', 's1', '--for', what])).toEqual({ code: 0, out, err: '' });
  });

  it('waits for mail without taking it', async () => {
    home.api.on('GET /api/sessions/s1', [200, session('s1')]).on('GET /api/mail/inbox/s1?unread=true&limit=1', [200, { items: [], nextCursor: null }], [200, { items: [{ id: 'mail_1' }], nextCursor: null }]);
    then('/api/mail/inbox/s1?unread=true&limit=1', event('s1', 'mail:received'));

    expect(await home.cli(['wait', 's1', '--for', 'mail'])).toMatchObject({ code: 0, out: 's1  mail\n' });
    expect(home.api.sent.some(({ path }) => path.includes('/wait/'))).toBe(false);
  });

  it('comes to 1 when it ended before it came to it', async () => {
    home.api.on('GET /api/sessions/s1', [200, session('s1', completed)]);

    expect(await home.cli(['wait', 's1', '--for', 'idle'])).toMatchObject({ code: 1, out: 's1  completed: done\n' });
  });

  it('comes to 3 for one that is not there', async () => {
    home.api.on('GET /api/sessions/nope', [404, { code: 'SESSION_NOT_FOUND', detail: 'There is no nope.' }]);

    expect(await home.cli(['wait', 'nope'])).toMatchObject({ code: 3, err: expect.stringContaining('orbitmesh session list --all') });
  });

  it('shows a line that moves on a terminal, and none with JSON or in a pipe', async () => {
    home.api.on('GET /api/sessions/s1', [200, session('s1', completed)]);

    expect((await home.cli(['wait', 's1'], { moving: true })).err).toContain('⠋ waiting for s1: ended');
    for (const quiet of [await home.cli(['wait', 's1']), await home.cli(['wait', 's1', '--json'], { moving: true }), await home.cli(['wait', 's1'], { moving: true, env: { TERM: 'dumb' } })]) expect(quiet.err).toBe('');
  });
});

describe('mail wait', () => {
  const mail = { ...anything('mail_2'), type: 'query', fromName: 'Ada', subject: 'Where?', body: 'Where is it?\nSay it.', priority: 'high' };
  const nothing = { items: [], nextCursor: null };

  it('waits until there is some, goes on after what it knows, and prints it', async () => {
    home.api.on('GET /api/mail/wait/sess_1?after=mail_0&timeout=60', [200, { items: [], nextCursor: 'mail_1' }]).on('GET /api/mail/wait/sess_1?after=mail_1&timeout=60', [200, { items: [mail], nextCursor: 'mail_2' }]);

    expect(await home.cli(['mail', 'wait', 'sess_1', '--after', 'mail_0'])).toEqual({
      code: 0, out: 'query from Ada: Where?  high  mail_2\n    Where is it?\n    Say it.\n    (answer: orbitmesh mail reply mail_2 "…")\n', err: '',
    });
  });

  it("is about the own session in one, and says when time is up: exit code 1, a code of its own", async () => {
    home.api.on('GET /api/mail/wait/sess_1*', [200, nothing]);

    const ran = await home.cli(['mail', 'wait', '--timeout', '0', '--json'], { env: { ORBITMESH_SESSION_ID: 'sess_1', ORBITMESH_TOKEN: 't', ORBITMESH_API_URL: home.api.url } });

    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(errorOf(ran.err)).toMatchObject({ code: 'WAIT_TIMEOUT', exitCode: 1, hint: expect.stringContaining('mail inbox') });
    expect(home.api.sent.map(({ path }) => path)).toEqual(['/api/mail/wait/sess_1?timeout=0']);
  });

  it('outlasts a server that goes away, once it was heard', async () => {
    home.api.on('GET /api/mail/wait/sess_1*', [200, nothing], 'drop', 'drop', 'drop', [200, { items: [mail], nextCursor: 'mail_2' }]);

    const ran = await home.cli(['mail', 'wait', 'sess_1', '--json']);

    expect(ran.code).toBe(0);
    expect(JSON.parse(ran.out)).toMatchObject({ id: 'mail_2' });
    expect(ran.err).toMatch(/^\{"note":".*Still waiting.*"\}\n$/);
  });

  it('does not wait for one that was never there', async () => {
    home.api.on('GET /api/mail/wait/sess_1*', 'drop');

    expect((await home.cli(['mail', 'wait', 'sess_1'])).code).toBe(5);
  });
});
