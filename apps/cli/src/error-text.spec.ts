import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiError, UnreachableError } from '@orbitmesh/api-client';
import { ERROR_CODES } from '@orbitmesh/domain';
import { hintOf } from './hints.js';
import { TestHome } from './testing/test-home.js';

let home: TestHome;
beforeEach(async () => { home = await TestHome.make(); });
afterEach(() => home.remove());

const codeOf = (err: string): unknown => (JSON.parse(err) as { error: { code: unknown } }).error.code;

describe('what an error says', () => {
  it('to a person, once', async () => {
    home.api.on('POST /api/sessions/spawn', [400, { code: 'VALIDATION_FAILED', detail: 'body /mode: must be a mode', errors: [{ pointer: '/mode', detail: 'must be a mode' }, { pointer: '/name', detail: 'is too long' }] }]);

    expect(await home.cli(['spawn', 'x', '-p', 'proj_1'])).toEqual({ code: 2, out: '', err: 'orbitmesh: body /mode: must be a mode\n  /name: is too long\n  → What it takes: orbitmesh spawn --help\n' });
  });

  it('shows from where to where the feed is kept', async () => {
    home.api.on('GET /api/events*', [410, { code: 'CURSOR_GONE', detail: 'Gone.', oldest: 'l.5', newest: 'l.9' }]);

    expect((await home.cli(['events', '--after', 'l.1'])).err).toBe('orbitmesh: Gone.\n  oldest: l.5\n  newest: l.9\n  → Begin without --after, or after one of the two above.\n');
  });

  it.each([
    [['nonsense', '--json'], 2, 'USAGE'], [['--json'], 2, 'USAGE'], [['events', '--json', '--limit', 'x'], 2, 'USAGE'], [['--json', 'status', '--jsn'], 2, 'USAGE'], [['spawn', '--json'], 2, 'USAGE'],
  ])('to a program, as one document: %j', async (args, code, name) => {
    const ran = await home.cli(args);

    expect(ran).toMatchObject({ code, out: '' });
    expect(codeOf(ran.err)).toBe(name);
  });

  it.each([
    [{ ORBITMESH_HOME: '/nowhere/at/all' }, 5, 'NOT_RUNNING'], [{ ORBITMESH_SESSION_ID: 's' }, 6, 'REFUSED'], [{ ORBITMESH_API_URL: 'http://127.0.0.1:9', ORBITMESH_TOKEN: 't' }, 5, 'UNREACHABLE'],
  ])('to a program, by a code that stays: %j', async (env, code, name) => {
    const ran = await home.cli(['status', '--json'], { env });

    expect(ran.code).toBe(code);
    expect(codeOf(ran.err)).toBe(name);
  });

  it('leaves what comes after -- to the command', async () => {
    home.api.on('POST /api/sessions/s1/input', [202, { id: 's1', state: 'running' }]);

    expect(await home.cli(['input', 's1', '--', '--json'])).toEqual({ code: 0, out: 's1: running, told\n', err: '' });
    expect(home.api.sent[0].body).toEqual({ text: '--json' });
  });
});

describe('a name that nobody ever heard of', () => {
  it.each([['session', 'sessions', 'nope'], ['task', 'tasks', 'nope'], ['project', 'projects', 'proj_nope']])('comes to 3: --%s', async (option, path, nope) => {
    home.api.on('GET /api/events?limit=200', [200, { items: [], nextCursor: 'l.0' }]).on(`GET /api/${path}/${nope}`, [404, { code: 'X_NOT_FOUND', detail: 'There is no nope.' }]);

    expect(await home.cli(['events', `--${option}`, nope])).toMatchObject({ code: 3, err: 'orbitmesh: There is no nope.\n' });
    expect(await home.cli(['events', '-f', '--filter', `${option}=${nope}`])).toMatchObject({ code: 3, err: 'orbitmesh: There is no nope.\n' });
  });

  it('is not one that is deleted, and still told of', async () => {
    const event = { seq: 1, cursor: 'l.1', id: 'e', type: 'session:deleted', timestamp: '2026-01-01T10:20:30.000Z', commitEnd: true, sessionId: 'gone', data: {} };
    home.api.on('GET /api/events?limit=200', [200, { items: [event], nextCursor: 'l.1' }]).on('GET /api/events?after=l.1&limit=200', [200, { items: [], nextCursor: 'l.1' }]);

    expect(await home.cli(['events', '--session', 'gone'])).toEqual({ code: 0, out: expect.stringMatching(/^1 \d\d:\d\d:\d\d {2}session:deleted {2}gone\n$/), err: '' });
  });
});

describe('what to do next', () => {
  /** Only what an operator of a damaged installation meets, or what says it all itself. */
  const NONE = ['ORIGIN_NOT_ALLOWED', 'NOT_FOUND', 'RUN_NOT_FOUND', 'METHOD_NOT_ALLOWED', 'CONFLICT', 'BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'ORDERING_TOO_LONG', 'MANIFEST_TOO_LARGE', 'DOCUMENT_TOO_LARGE', 'LIMIT_REACHED', 'STORAGE_LOCKED', 'STORAGE_NEWER', 'CONFIG_INVALID'];

  it('is said of every failure of the server that leaves something to do', () => {
    const without = Object.keys(ERROR_CODES).filter((code) => hintOf(new ApiError(400, code, ''), {}, 'orbitmesh x') === null);
    expect(without).toEqual(NONE);
  });

  it('names commands that there are', async () => {
    const hints = [...Object.keys(ERROR_CODES).map((code) => hintOf(new ApiError(400, code, ''), {}, null)), hintOf(new UnreachableError('http://x', {}), {}, null)];
    const named = new Set(hints.flatMap((hint) => [...(hint ?? '').matchAll(/orbitmesh ((?:[a-z][a-z-]* ?)+)/g)].map(([, words]) => words.trim().replace(/ (shows|with|prints|needs-input).*$/, ''))));
    expect(named.size).toBeGreaterThan(10);
    for (const words of named) expect({ words, ...await home.cli([...words.split(' '), '--help']) }).toMatchObject({ code: 0, out: expect.stringContaining(`Usage: orbitmesh ${words} `) });
  });

  it('is not to start what runs already', () => {
    const [none, launched] = [false, true].map((runs) => hintOf(new UnreachableError('http://x', {}), {}, null, { launched: runs }));
    expect(none).toContain('orbitmesh up');
    expect(launched).toContain('is started again');
    expect(launched).not.toContain('orbitmesh up');
  });

  it('names what it is about, where that was named', () => {
    const hint = (code: string, ...args: string[]) => hintOf(new ApiError(409, code, ''), {}, null, { args });
    expect(hint('SESSION_NOT_TERMINAL', 'session', 'delete', 'sess_1')).toBe('End it first: orbitmesh session stop sess_1; orbitmesh wait sess_1 returns when it has ended.');
    expect(hint('SESSION_NOT_TERMINAL', 'sess_1', 'sess_2')).toContain('stop SESSION;');
    expect(hint('MAIL_RECIPIENT_INVALID', '--to', 'sess_1')).toContain('--to takes SESSION,');
  });

  it('is the session that a conversation went on in, where it did', () => {
    const ended = (problem: object) => hintOf(new ApiError(409, 'SESSION_ENDED', '', { ...problem }), {}, null, { args: ['--to', 'sess_1'] });
    expect(ended({})).toContain('session continue sess_1 "…"');
    expect(ended({ continuedBy: 'sess_2' })).toMatch(/mail send --to sess_2 "…";.* session continue sess_2 "…"$/);
  });

  it('is for who asks: an agent, or who named another address', () => {
    expect(hintOf(new ApiError(403, 'FORBIDDEN', ''), { ORBITMESH_SESSION_ID: 's', ORBITMESH_CLI_NAME: './orbitmesh' }, null)).toContain(': orbitmesh report needs-input');
    expect(hintOf(new ApiError(403, 'FORBIDDEN', '', { scopes: ['write'], needed: 'read' }), {}, null)).toContain('token create NAME --scope read');
    expect(hintOf(new ApiError(403, 'FORBIDDEN', ''), {}, null)).toMatch(/owner's token(?!.*--scope)/);
    expect(hintOf(new UnreachableError('http://x', {}), { ORBITMESH_API_URL: 'http://x' }, null)).toContain('ORBITMESH_API_URL');
  });
});
