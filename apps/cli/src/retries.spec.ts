import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ATTEMPTS_MAX, BACKOFF_MS } from '@orbitmesh/api-client';
import { restartAwaited } from './launcher.js';
import { RESTART_MS_MAX, RESTART_TOLD_MS } from './limits.js';
import type { Printer } from './printer.js';
import type { Terminal } from './terminal.js';
import type { Sent } from './testing/scripted-api.js';
import { TestHome } from './testing/test-home.js';

let home: TestHome;
beforeEach(async () => { home = await TestHome.make(); });
afterEach(() => home.remove());

const CREATE = 'POST /api/projects';
const create = (...more: string[]) => home.cli(['project', 'create', 'p', '--dir', '/p', '--json', ...more]);
const problem = (status: number, headers: Record<string, string> = {}): [number, unknown, Record<string, string>] => [status, { code: 'X', detail: 'Because.', status }, headers];
const made: [number, unknown] = [201, { id: 'proj_1' }];
const gaps = (sent: readonly Sent[]) => sent.slice(1).map(({ at }, n) => at - sent[n].at);
const keys = () => new Set(home.api.sent.map(({ key }) => key));
/** Timers may be early by less than this, ms. */
const EARLY_MS = 5;
/** Half of each is the least that jitter leaves (docs/how-to/use-the-cli.md). */
const LEAST_GAPS = [BACKOFF_MS / 2, BACKOFF_MS];
/** A machine that is busy is late, never by as much as another attempt's whole time. */
const LATE_MS = 5_000;

function expectBackoff(): void {
  const found = gaps(home.api.sent);
  found.forEach((gap, n) => {
    expect(gap).toBeGreaterThanOrEqual(LEAST_GAPS[n] - EARLY_MS);
    expect(gap).toBeLessThan(LEAST_GAPS[n] * 2 + LATE_MS);
  });
}

describe('a server that is not at its best', () => {
  it.each<[string, ReturnType<typeof problem> | 'drop']>([['503', problem(503)], ['502', problem(502)], ['504', problem(504)], ['a broken connection', 'drop']])('fails twice with %s, then works: three attempts, one effect, exit code 0', async (_name, failure) => {
    home.api.on(CREATE, failure, failure, made);

    const ran = await create();

    expect(ran).toEqual({ code: 0, out: '{"id":"proj_1"}\n', err: '' });
    expect(home.api.sent).toHaveLength(3);
    expect([...keys()]).toEqual([expect.stringMatching(/./)]);
    expectBackoff();
  });

  it('always fails: three attempts, exit code 5, and what it said last', async () => {
    home.api.on(CREATE, problem(503));

    const ran = await create();

    expect(ran).toMatchObject({ code: 5, out: '' });
    expect(JSON.parse(ran.err)).toMatchObject({ error: { code: 'X', status: 503, exitCode: 5 } });
    expect(home.api.sent).toHaveLength(ATTEMPTS_MAX);
    expect(keys().size).toBe(1);
    expectBackoff();
  });

  it('always breaks the connection: three attempts, exit code 5, and how to go on', async () => {
    home.api.on(CREATE, 'drop');

    const ran = await create();

    expect(ran.code).toBe(5);
    expect(JSON.parse(ran.err)).toMatchObject({ error: { code: 'UNREACHABLE', status: null, exitCode: 5, hint: expect.stringContaining('orbitmesh up') } });
    expect(home.api.sent).toHaveLength(ATTEMPTS_MAX);
    expect(keys().size).toBe(1);
  });

  it('breaks the connection after it committed: the same key brings the same answer, and there is one effect', async () => {
    home.api.on(CREATE, 'drop', made);

    expect(await create('--idempotency-key', 'mine')).toMatchObject({ code: 0, out: '{"id":"proj_1"}\n' });
    expect(home.api.sent.map(({ key, body }) => [key, body])).toEqual(Array(2).fill(['mine', { name: 'p', workingDir: '/p' }]));
  });

  it('answers 429 with Retry-After: no attempt comes earlier', async () => {
    home.api.on(CREATE, problem(429, { 'retry-after': '1' }), made);

    expect((await create()).code).toBe(0);
    expect(home.api.sent).toHaveLength(2);
    expect(gaps(home.api.sent)[0]).toBeGreaterThanOrEqual(1_000 - EARLY_MS);
    expect(keys().size).toBe(1);
  });

  it('wants more time than anybody waits: one attempt, exit code 5', async () => {
    home.api.on(CREATE, problem(429, { 'retry-after': '3600' }));

    expect((await create()).code).toBe(5);
    expect(home.api.sent).toHaveLength(1);
  });

  it.each([[400, 2], [401, 6], [404, 3], [409, 4], [412, 4], [422, 6], [500, 1], [507, 5]])('says %i: one attempt, exit code %i', async (status, code) => {
    home.api.on(CREATE, problem(status));

    expect((await create()).code).toBe(code);
    expect(home.api.sent).toHaveLength(1);
  });

  it('fails on a read in the same way, without a key', async () => {
    home.api.on('GET /api/projects/proj_1', problem(503), 'drop', [200, { id: 'proj_1' }]);

    expect((await home.cli(['project', 'show', 'proj_1'])).code).toBe(0);
    expect(home.api.sent.map(({ key }) => key)).toEqual([undefined, undefined, undefined]);
    expectBackoff();
  });

  it('never answers: Ctrl-C ends the attempt, with exit code 1', async () => {
    home.api.on(CREATE, 'hang');
    const ctrlC = new AbortController();
    const ran = home.cli(['project', 'create', 'p', '--json'], { signal: ctrlC.signal });
    await home.api.received('POST');
    ctrlC.abort();

    expect(JSON.parse((await ran).err)).toMatchObject({ error: { code: 'INTERRUPTED', exitCode: 1 } });
    expect(home.api.sent).toHaveLength(1);
  });
});

describe('a stack whose launcher lives', () => {
  beforeEach(() => home.launched());

  const printed = (env: NodeJS.ProcessEnv): { awaited: ReturnType<typeof restartAwaited>; notes: string[] } => {
    const notes: string[] = [];
    const awaited = restartAwaited({ env } as Terminal, { note: (text: string) => notes.push(text) } as unknown as Printer);
    return { awaited, notes };
  };

  it('is tried on past all attempts, under the same key, until it is back', async () => {
    home.api.on(CREATE, 'drop', problem(502), [503, { code: 'UNAVAILABLE', detail: 'x', status: 503 }], 'drop', made);

    expect(await create()).toMatchObject({ code: 0, out: '{"id":"proj_1"}\n' });
    expect(home.api.sent).toHaveLength(ATTEMPTS_MAX + 2);
    expect(keys().size).toBe(1);
  });

  it('is not tried on for what no restart changes', async () => {
    home.api.on(CREATE, [503, { code: 'STORAGE_WRITE', detail: 'x', status: 503 }]);

    expect((await create()).code).toBe(5);
    expect(home.api.sent).toHaveLength(ATTEMPTS_MAX);
  });

  it('is awaited for a bounded time, which is said once when it is long', async () => {
    const { awaited, notes } = printed({ ORBITMESH_HOME: home.dir });

    expect([await awaited(600), notes]).toEqual([true, []]);
    expect([await awaited(RESTART_TOLD_MS + 1), await awaited(RESTART_MS_MAX), await awaited(RESTART_MS_MAX + 1)]).toEqual([true, true, false]);
    expect(notes).toEqual([expect.stringContaining('waiting for it to be back')]);
    expect(await printed({ ORBITMESH_HOME: join(home.dir, 'other') }).awaited(600)).toBe(false);
    expect(await printed({ ORBITMESH_SESSION_ID: 'sess_1' }).awaited(600)).toBe(true);
  });

  it('has written run/stack.json again before anybody is told that it is missing', async () => {
    const file = join(home.dir, 'run', 'stack.json');
    const text = await readFile(file, 'utf8');
    await rm(file);
    home.api.on(CREATE, made);
    const ran = create();
    await writeFile(file, text);

    expect(await ran).toMatchObject({ code: 0 });
  });
});
