import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ScriptedApi } from './testing/scripted-api.js';
import { TestHome, type Ran, type RunOptions } from './testing/test-home.js';

let testHome: TestHome;
let api: ScriptedApi;
beforeEach(async () => {
  testHome = await TestHome.make();
  ({ api } = testHome);
});
afterEach(() => testHome.remove());
const cli = (args: string[], options?: RunOptions): Promise<Ran> => testHome.cli(args, options);

describe('attach', () => {
  const event = (sessionSeq: number, type: string, data: object) => ({ seq: sessionSeq * 10, sessionSeq, cursor: `l.${sessionSeq * 10}`, id: `e${sessionSeq}`, type, timestamp: '2026-01-01T00:00:00.000Z', commitEnd: true, sessionId: 'sess_1', data });
  const session = (state: string, status: string, code?: string) => ({ id: 'sess_1', state, status, outcome: code ? { code, message: 'so it was' } : null });
  const events = 'GET /api/sessions/sess_1/events*';
  const page = (...items: object[]): [number, unknown] => [200, { items, nextCursor: 'x' }];
  const subscribed = { type: 'subscribed', resume: 'ok', cursor: 'l.20' };

  it('shows what was and what comes, each once, and ends as the session ended', async () => {
    const all = [event(1, 'status_change', { oldState: 'created', newState: 'starting', reason: 'placed' }), event(2, 'output', { content: 'one\n' }), event(3, 'output', { content: 'two' }), event(4, 'status_change', { oldState: 'stopping', newState: 'stopped', reason: 'done' })];
    api.on('GET /api/sessions/sess_1', [200, session('running', 'working')], [200, session('running', 'working')], [200, session('stopped', 'completed', 'completed')])
      .on(events, page(all[0], all[1]), page());
    api.frames = [subscribed, ...[all[1], all[2], all[3]].map((one) => ({ type: 'event', event: one }))];

    const ran = await cli(['attach', 'sess_1']);

    expect(ran.code).toBe(0);
    expect(ran.out).toBe('created → starting: placed\none\ntwo\nstopping → stopped: done\ncompleted: so it was\n');
  });

  it('comes to 1 when the session failed, also one that is long over', async () => {
    api.on('GET /api/sessions/sess_1', [200, session('error', 'failed', 'agent_exit')]).on(events, page(event(1, 'error', { code: 'X', message: 'broke' })), page());

    const ran = await cli(['attach', 'sess_1']);

    expect(ran).toMatchObject({ code: 1, out: '✗ X: broke\nfailed: agent_exit, so it was\n' });
  });

  it('says what a session waits for, once, and tells one sentence once', async () => {
    const waits = { state: 'created', waiting: { reason: 'no such provider' } };
    const all = [
      event(1, 'session:updated', waits), event(2, 'session:updated', waits), event(3, 'session:updated', { state: 'created', waiting: null }), event(4, 'status_change', { oldState: 'running', newState: 'error', reason: 'so it was' }),
      event(5, 'error', { code: 'agent_exit', message: 'so it was' }), event(6, 'timeline', { kind: 'progress', message: 'same' }), event(7, 'timeline', { kind: 'progress', message: 'same' }), event(8, 'timeline', { kind: 'error', message: 'so it was', by: 'agent' }), event(9, 'timeline', { kind: 'stopped', message: 'error: so it was', by: 'system' }),
    ];
    api.on('GET /api/sessions/sess_1', [200, session('error', 'failed', 'agent_exit')]).on(events, page(...all), page());

    const { out } = await cli(['attach', 'sess_1']);

    expect(out).toBe('created, waiting: no such provider\nrunning → error: so it was\n✗ agent_exit\n● progress: same\n● progress: same\n● error: so it was\nfailed: agent_exit\n');
  });

  it('keeps the terminal safe from what an agent writes', async () => {
    api.on('GET /api/sessions/sess_1', [200, session('stopped', 'completed', 'completed')]).on(events, page(event(1, 'output', { content: 'a\u001b]0;pwned\u0007\u009b2Jb\r\nc' })), page());

    const { out } = await cli(['attach', 'sess_1']);

    expect(out).toContain('a␛]0;pwned␇\ufffd2Jb\nc\n');
    // eslint-disable-next-line no-control-regex -- exactly these must not be there
    expect(out).not.toMatch(/[\u001b\u0007\u009b]/);
  });

  it.each([['y\n', 'allow'], ['what?\nNO\n', 'deny']])('puts a question on a terminal: %j', async (typed, decision) => {
    const asked = event(1, 'approval_requested', { approvalId: 'appr_1', title: 'Write a file' });
    const over = event(2, 'status_change', { oldState: 'running', newState: 'stopped', reason: 'r' });
    api.on('GET /api/sessions/sess_1', [200, session('running', 'working')], [200, session('running', 'working')], [200, session('stopped', 'completed', 'completed')]).on(events, page(asked), page())
      .on('POST /api/sessions/sess_1/approvals/appr_1', [200, { id: 'appr_1', state: 'answered' }]);
    api.frames = [subscribed];
    const ran = cli(['attach', 'sess_1'], { typed, env: { NO_COLOR: '1' } });
    await api.received('POST');
    api.say({ type: 'event', event: over });

    expect((await ran).err).toContain('Write a file: allow? [y/n]');
    expect(api.sent.find((one) => one.method === 'POST')?.body).toEqual({ decision });
  });

  it('keeps a question apart from what is told meanwhile, and takes it away when it is answered elsewhere', async () => {
    const at = (seq: number, type: string, data: object) => ({ type: 'event', event: event(seq, type, data) });
    api.on('GET /api/sessions/sess_1', [200, session('running', 'working')], [200, session('running', 'working')], [200, session('stopped', 'completed', 'completed')])
      .on(events, page(event(1, 'approval_requested', { approvalId: 'appr_1', title: 'Write' })), page());
    api.frames = [subscribed];
    const screen: string[] = [];
    let questions = 0;
    const ran = await cli(['attach', 'sess_1'], {
      typed: 'n', env: { NO_COLOR: '1' }, screen: (text) => {
        screen.push(text);
        if (!text.includes('[y/n]')) return;
        questions += 1;
        if (questions === 1) api.say(at(2, 'output', { content: 'meanwhile' }));
        // The n that was typed by now has no Enter; it must answer nothing.
        else for (const frame of [at(3, 'approval_resolved', { approvalId: 'appr_1', decision: 'allow', by: 'admin' }), at(4, 'status_change', { oldState: 'running', newState: 'stopped', reason: 'r' })]) api.say(frame);
      },
    });

    expect(ran.code).toBe(0);
    const wiped = '\r\u001b[K';
    expect(screen.join('')).toBe(`? Write (appr_1)\nWrite: allow? [y/n] ${wiped}meanwhile\nWrite: allow? [y/n] ${wiped}! appr_1: allow by admin\nrunning → stopped: r\ncompleted: so it was\n`);
    expect(api.sent.every((one) => one.method === 'GET')).toBe(true);
  });

  it('says how to answer where nobody can type', async () => {
    const over = event(2, 'status_change', { oldState: 'running', newState: 'stopped', reason: 'r' });
    api.on('GET /api/sessions/sess_1', [200, session('running', 'working')], [200, session('running', 'working')], [200, session('stopped', 'failed', 'killed')])
      .on(events, page(event(1, 'approval_requested', { approvalId: 'appr_1', title: 'Write' })), page());
    api.frames = [subscribed];
    const ran = cli(['attach', 'sess_1'], { saw: (err) => { if (err.includes('Answer with')) api.say({ type: 'event', event: over }); } });

    expect(await ran).toMatchObject({ code: 1, err: expect.stringContaining('orbitmesh approve sess_1 appr_1') });
    expect(api.sent.every((one) => one.method === 'GET')).toBe(true);
  });
});
