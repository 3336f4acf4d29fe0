import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { wantsColours } from './printer.js';
import { anything } from './testing/any-answer.js';
import { TestHome } from './testing/test-home.js';

let home: TestHome;
beforeEach(async () => {
  home = await TestHome.make();
  home.api.on('GET /api/sessions/sess_1/events*', [200, { items: [], nextCursor: '0' }]).on('POST /api/sessions/sess_1/input', [202, session('running')]).on('POST /api/sessions/sess_1/approvals/appr_1', [200, { id: 'appr_1' }]);
  home.api.frames = [{ type: 'subscribed', resume: 'ok', cursor: 'l.1' }];
});
afterEach(() => home.remove());

const session = (state: string) => ({ ...anything('sess_1'), state, status: state === 'stopped' ? 'completed' : 'working' });
const event = (sessionSeq: number, type: string, data: object) => ({ type: 'event', event: { seq: sessionSeq, sessionSeq, cursor: `l.${sessionSeq}`, id: `e${sessionSeq}`, type, timestamp: '2026-01-01T00:00:00.000Z', commitEnd: true, sessionId: 'sess_1', data } });
/** The feed gives a session's events without a hole. */
const over = (sessionSeq = 9) => event(sessionSeq, 'status_change', { oldState: 'running', newState: 'stopped', reason: 'done' });
const texts = () => home.api.sent.filter(({ path }) => path.endsWith('/input')).map(({ body }) => body['text']);
/** It runs until the feed says that it is over. */
const runs = () => home.api.on('GET /api/sessions/sess_1', [200, session('running')], [200, session('running')], [200, session('stopped')]);
const caughtUp = () => home.api.received('GET', '/api/sessions/sess_1/events?after=0&limit=200');
const told = (inputs: number) => eventually(() => texts().length === inputs, { what: `${inputs} inputs` });

describe('who watches a session', () => {
  it('says to it what is typed, line by line, in order', async () => {
    runs();
    let type: (text: string) => void = () => undefined;
    const ran = home.cli(['attach', 'sess_1'], { typist: (typist) => { type = typist; } });
    await caughtUp();
    type('first\n\nsecond\n');
    await told(2);
    home.api.say(over());

    expect((await ran).code).toBe(0);
    expect(texts()).toEqual(['first', 'second']);
  });

  it('answers with it while a question is open, and says the next line to the agent', async () => {
    runs();
    let type: (text: string) => void = () => undefined;
    const ran = home.cli(['attach', 'sess_1'], { typed: 'y\n', typist: (typist) => { type = typist; } });
    await caughtUp();
    home.api.say(event(2, 'approval_requested', { approvalId: 'appr_1', title: 'Write' }));
    await home.api.received('POST', '/api/sessions/sess_1/approvals/appr_1');
    home.api.say(event(3, 'approval_resolved', { approvalId: 'appr_1', decision: 'allow', by: 'admin' }));
    type('and now go on\n');
    await told(1);
    home.api.say(over(4));

    expect((await ran).code).toBe(0);
    expect(home.api.sent.find(({ method }) => method === 'POST')?.body).toEqual({ decision: 'allow' });
    expect(texts()).toEqual(['and now go on']);
  });

  it('leaves a question open when the terminal ends, says how to answer, and watches on', async () => {
    runs();
    const ran = home.cli(['attach', 'sess_1'], { typed: '', typist: () => undefined, ends: /\[y\/n\] $/, saw: (err) => { if (err.includes('Left open')) home.api.say(over(3)); } });
    await caughtUp();
    home.api.say(event(2, 'approval_requested', { approvalId: 'appr_1', title: 'Write' }));

    expect(await ran).toMatchObject({ code: 0, err: expect.stringContaining('orbitmesh approve sess_1 appr_1') });
    expect(home.api.sent.every(({ method }) => method === 'GET')).toBe(true);
  });

  it('is told when the agent does not take it', async () => {
    runs();
    home.api.on('POST /api/sessions/sess_1/input', [409, { code: 'NOT_SUPPORTED', detail: 'It takes no input.' }]);
    let type: (text: string) => void = () => undefined;
    const ran = home.cli(['attach', 'sess_1'], { typist: (typist) => { type = typist; }, saw: (err) => { if (err.includes('was not told')) home.api.say(over()); } });
    await caughtUp();
    type('hello\n');

    expect((await ran).err).toContain('The agent was not told: It takes no input.');
  });

  it('by a pipe is not read', async () => {
    home.api.on('GET /api/sessions/sess_1', [200, session('running')], [200, session('stopped')]);
    await home.cli(['attach', 'sess_1'], { stdin: 'one\n' });

    expect(texts()).toEqual([]);
  });

  it('by a pipe is read when it says so', async () => {
    runs();
    const ran = home.cli(['attach', 'sess_1', '--input', '-', '--json'], { stdin: 'one\ntwo\n' });
    await Promise.all([told(2), caughtUp()]);
    home.api.say(over());
    expect((await ran).code).toBe(0);
    expect(texts()).toEqual(['one', 'two']);
  });
});

describe('session logs', () => {
  const all = [event(1, 'status_change', { oldState: 'created', newState: 'starting', reason: 'placed' }), event(2, 'output', { content: 'one\n' }), event(3, 'output', { content: 'two\n' })].map(({ event: one }) => one);
  beforeEach(() => { home.api.on('GET /api/sessions/sess_1/events*', [200, { items: all, nextCursor: '3' }], [200, { items: [], nextCursor: '3' }]); });

  it('prints what was, and stops', async () => {
    home.api.on('GET /api/sessions/sess_1', [200, session('running')]);

    expect(await home.cli(['session', 'logs', 'sess_1'])).toEqual({ code: 0, out: 'created → starting: placed\none\ntwo\n', err: '' });
  });

  it('goes on to its end when told to, asks nothing, and says nothing about how it came out', async () => {
    runs();
    const ran = home.cli(['session', 'logs', 'sess_1', '-f', '--raw'], { typed: '' });
    await home.api.received('GET', '/api/sessions/sess_1/events?after=3&limit=200');
    for (const frame of [event(4, 'approval_requested', { approvalId: 'appr_1', title: 'Write' }), event(5, 'output', { content: 'three' }), over(6)]) home.api.say(frame);

    expect(await ran).toEqual({ code: 0, out: 'one\ntwo\nthree', err: '' });
  });
});

describe('spawn --watch', () => {
  it('shows that it starts, then what it does, and ends as the session ended', async () => {
    home.api.on('POST /api/sessions/spawn', [201, { ...session('created'), id: 'sess_1' }]).on('GET /api/sessions/sess_1', [200, { ...session('created'), name: 'Ada' }], [200, session('running')], [200, { ...session('stopped'), status: 'failed', outcome: { code: 'killed', message: '' } }]);
    const ran = home.cli(['spawn', 'go', '-p', 'proj_1', '--watch'], { moving: true });
    await caughtUp();
    for (const frame of [event(2, 'status_change', { oldState: 'starting', newState: 'running', reason: 'it runs' }), event(3, 'output', { content: 'hi\n' }), over(4)]) home.api.say(frame);

    const { code, out, err } = await ran;

    expect({ code, out }).toEqual({ code: 1, out: 'starting → running: it runs\nhi\nrunning → stopped: done\nfailed: killed\n' });
    expect(err).toContain('⠋ Ada is starting');
  });
});

describe('colours', () => {
  const stdout = () => new PassThrough();
  it.each<[NodeJS.ProcessEnv, boolean, boolean]>([
    [{}, true, true], [{}, false, false], [{ NO_COLOR: '1' }, true, false], [{ NO_COLOR: '' }, true, true], [{ TERM: 'dumb' }, true, false], [{ FORCE_COLOR: '1' }, false, true], [{ FORCE_COLOR: '0' }, true, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1' }, true, false],
  ])('with %j, on a terminal %s: %s', (env, isTTY, coloured) => {
    expect(wantsColours({ env, cwd: '/', stdin: stdout(), stdout: Object.assign(stdout(), { isTTY }), stderr: stdout(), signal: new AbortController().signal, interrupt: () => undefined })).toBe(coloured);
  });
});
