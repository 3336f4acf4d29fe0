import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually } from '@orbitmesh/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { launcherTools } from './checkout.js';
import type { ScriptedApi } from './testing/scripted-api.js';
import { TestHome, type Ran, type RunOptions } from './testing/test-home.js';

let testHome: TestHome;
let api: ScriptedApi;
let home: string;
beforeEach(async () => {
  testHome = await TestHome.make();
  ({ api, dir: home } = testHome);
});
afterEach(() => testHome.remove());
const cli = (args: string[], options?: RunOptions): Promise<Ran> => testHome.cli(args, options);

const problem = (status: number, code: string): [number, unknown] => [status, { code, detail: `It is ${code}.`, errors: [{ pointer: '/name', detail: 'is wrong' }] }];
const agent = () => ({ ORBITMESH_SESSION_ID: 'sess_1', ORBITMESH_API_URL: api.url, ORBITMESH_TOKEN: 'oma_mine' });
const POST_TIMELINE = 'POST /api/sessions/sess_1/timeline';

describe('exit codes', () => {
  it.each([[400, 2], [401, 6], [403, 6], [404, 3], [409, 4], [410, 1], [412, 4], [422, 6], [500, 1], [507, 5]])('%i comes to %i, after one attempt', async (status, code) => {
    api.on(POST_TIMELINE, problem(status, 'X'));

    const ran = await cli(['report', 'progress', 'm'], { env: agent() });

    expect(ran).toMatchObject({ code, out: '' });
    expect(ran.err).toContain('It is X.');
    expect(ran.err).toContain('/name: is wrong');
    expect(api.sent).toHaveLength(1);
  });

  it.each([429, 502, 503, 504])('%i comes to 5, after three attempts with one key', async (status) => {
    api.on(POST_TIMELINE, problem(status, 'X'));

    expect((await cli(['report', 'progress', 'm'], { env: agent() })).code).toBe(5);
    expect(api.sent.map((one) => one.key)).toEqual(Array(3).fill(api.sent[0].key));
    expect(api.sent[0].key).toMatch(/./);
  });

  it('nobody there comes to 5', async () => {
    const env = { ...agent(), ORBITMESH_SESSION_ID: '', ORBITMESH_API_URL: 'http://127.0.0.1:9' };

    expect(await cli(['project', 'list'], { env })).toMatchObject({ code: 5, err: expect.stringContaining('does not answer') });
  });

  it.each([
    [['nonsense']], [['report']], [['report', 'progress']], [['report', 'lies', 'm']], [['spawn']], [['spawn', 'x', '--env', 'novalue']], [['spawn', 'x', '--custom', '[1]']], [['events', '--limit', '0']],
    [['--nonsense']], [['approve', 'sess_1', 'a', '--deny', '--option', 'o']], [['report', 'progress', 'm']],
  ])('%j comes to 2, and nobody is asked', async (args) => {
    const ran = await cli(args, args[0] === 'report' && args.length === 3 && args[1] === 'progress' ? {} : { env: agent() });

    expect(ran.code).toBe(2);
    expect(ran.err).not.toBe('');
    expect(api.sent).toEqual([]);
  });

  it('help comes to 0', async () => {
    const [whole, one] = await Promise.all([cli(['--help']), cli(['spawn', '--help'])]);

    expect([whole.code, one.code]).toEqual([0, 0]);
    expect(whole.out).toContain('Exit codes:');
  });
});

describe('who we are', () => {
  it("is the home's owner, at the address its stack wrote down", async () => {
    api.on('GET /health/ready', [200, { ready: true, checks: { gateway: true, sessionService: true, runners: 1, notifier: true } }]).on('GET /api/runners', [200, { items: [] }]).on('GET /api/sessions*', [200, { items: [], nextCursor: null }]);

    expect((await cli(['status'])).code).toBe(0);
    expect(api.sent.every((one) => one.token === 'Bearer omd_admin')).toBe(true);
  });

  it('is the agent in a session, and never the owner', async () => {
    api.on(POST_TIMELINE, [201, { id: 'e' }]);

    expect((await cli(['report', 'needs-input', 'which one?', '--task', 'task_1'], { env: agent() })).code).toBe(0);
    expect(api.sent[0]).toMatchObject({ token: 'Bearer oma_mine', body: { kind: 'needs_input', message: 'which one?', taskId: 'task_1' } });

    for (const args of [['report', 'progress', 'm'], ['status'], ['token'], ['events']]) {
      const ran = await cli(args, { env: { ORBITMESH_SESSION_ID: 'sess_1' } });
      expect(ran.code).toBe(6);
      expect(ran.out + ran.err).not.toContain('omd_admin');
    }
    expect(await cli(['token'], { env: agent() })).toMatchObject({ code: 6, out: '' });
    expect(api.sent).toHaveLength(1);
  });

  it("does not send the home's token to another address", async () => {
    expect((await cli(['status'], { env: { ORBITMESH_API_URL: api.url } })).code).toBe(6);
    expect(api.sent).toEqual([]);
  });

  it('says what to do when nothing was started', async () => {
    const ran = await cli(['status'], { env: { ORBITMESH_HOME: join(home, 'nowhere') } });

    expect(ran).toMatchObject({ code: 5, err: expect.stringContaining('npm start') });
  });

  it('does not take the stack of another home, whose files were copied here, for its own', async () => {
    const launcher = spawn('sleep', ['60'], { stdio: 'ignore' });
    const { place, ...holder } = await testHome.launched(launcher.pid);
    await writeFile(join(home, 'run', 'stack.json'), JSON.stringify({ ready: true, url: api.url, place, launcher: holder, services: {} }));
    const copy = `${home}-copy`;
    await cp(home, copy, { recursive: true });
    const inCopy = (...args: string[]): Promise<Ran> => cli(args, { env: { ORBITMESH_HOME: copy } });

    const [status, create, down, doctor] = [await inCopy('status'), await inCopy('project', 'create', 'P', '--dir', copy), await inCopy('down'), await inCopy('doctor')];
    await rm(copy, { recursive: true });
    const ended = launcher.signalCode;
    launcher.kill();

    expect(ended).toBeNull();
    for (const ran of [status, create]) expect(ran).toMatchObject({ code: 5, out: '', err: expect.stringContaining(`does not run in ${copy}`) });
    expect(down).toMatchObject({ code: 0, out: `OrbitMesh does not run in ${copy}.\n` });
    expect(doctor.out).toMatch(/ does not run\n[^]*stack.json is damaged, or was copied here from another home/);
    expect(api.sent).toEqual([]);
  });

  it('prints the token, and nothing else', async () => {
    expect(await cli(['token'])).toEqual({ code: 0, out: 'omd_admin\n', err: '' });
    expect(JSON.parse((await cli(['token', '--json'])).out)).toEqual({ token: 'omd_admin' });
  });

  it("does not use the owner's token while others could read it, and says how to mend that", async () => {
    const file = join(home, 'api-gateway', 'admin.token');
    for (const args of [['token'], ['status'], ['project', 'list']]) {
      await chmod(file, 0o640);
      const ran = await cli(args);
      await chmod(file, 0o600);

      expect(ran).toMatchObject({ code: 6, out: '', err: expect.stringMatching(/admin.token is open to other users \(mode 640\)[^]*chmod 600 .* token rotate admin/) });
      expect(ran.err).not.toContain('omd_admin');
    }
    expect(api.sent).toEqual([]);
  });

  it("says what is wrong with a token that is empty, and with one that is gone", async () => {
    expect(await cli(['project', 'list'], { env: { ORBITMESH_TOKEN: '' } })).toMatchObject({ code: 6, err: expect.stringContaining('ORBITMESH_TOKEN is empty') });
    await rm(join(home, 'api-gateway', 'admin.token'));
    expect(await cli(['project', 'list'])).toMatchObject({ code: 5, err: expect.stringMatching(/no token at .*or somebody removed it[^]* down, and then .* up/) });
    expect(api.sent).toEqual([]);
  });

  it('prints a new token alone, and beside it that it is shown once', async () => {
    const made = { id: 'tok_1', name: 'CI', scopes: ['read'], createdAt: '', expiresAt: null, token: 'omu_new' };
    api.on('POST /api/tokens', [201, made]).on('POST /api/tokens/tok_1/rotate', [200, { ...made, token: 'omu_newer' }]);

    expect(await cli(['token', 'create', 'CI'])).toEqual({ code: 0, out: 'omu_new\n', err: 'tok_1: it is not shown again.\n' });
    expect(await cli(['token', 'rotate', 'tok_1'])).toMatchObject({ code: 0, out: 'omu_newer\n' });
  });

  it("finds the owner's new token in its file where the answer was lost", async () => {
    const file = join(home, 'api-gateway', 'admin.token');
    api.on('POST /api/tokens/admin/rotate', 'drop', [401, { code: 'UNAUTHENTICATED', detail: '' }]);
    const ran = cli(['token', 'rotate', 'admin'], { saw: () => undefined });
    await eventually(() => api.sent.length > 0);
    await writeFile(file, 'omd_other\n');
    const { code, out } = await ran;
    await writeFile(file, 'omd_admin\n');

    expect({ code, out }).toEqual({ code: 0, out: 'omd_other\n' });
  });

  it('takes an end as a date, or so long from now', async () => {
    api.otherwise = [201, { id: 'tok_1', token: 'omu_new' }];
    for (const given of ['12h', '30d', '2100-01-31']) await cli(['token', 'create', 'CI', '--expires', given]);
    const [hours, days, date] = api.sent.map(({ body }) => body['expiresAt'] as string);

    expect([hours, days].map((one) => Math.round((Date.parse(one) - Date.now()) / 3_600_000))).toEqual([12, 720]);
    expect(date).toBe('2100-01-31');
  });
});

describe('a project', () => {
  const projects = (...names: string[]) => api.on('GET /api/projects*', [200, { items: names.map((name, n) => ({ id: `proj_${n}`, name })), nextCursor: null }]).on('GET /api/tasks*', [200, { items: [], nextCursor: null }]);

  it('may be named as people call it, where no other has that name', async () => {
    projects('Moon', 'Big Rocket');

    expect((await cli(['task', 'list', '--project', 'Big Rocket'])).code).toBe(0);
    expect(api.sent.at(-1)?.path).toMatch(/^\/api\/tasks\?.*projectId=proj_1/);
    expect((await cli(['task', 'list', '--project', 'proj_7'])).code).toBe(0);
    expect(api.sent.map(({ path }) => path.split('?')[0])).toEqual(['/api/projects', '/api/tasks', '/api/tasks']);
  });

  it('may be named so wherever one is named', async () => {
    projects('Moon', 'Big Rocket');
    const event = { seq: 1, cursor: 'l.1', type: 'task:created', timestamp: '2026-01-01T10:20:30.000Z', commitEnd: true, data: {} };
    api.on('GET /api/events*', [200, { items: [{ ...event, id: 'a', projectId: 'proj_1' }, { ...event, id: 'b', projectId: 'proj_0' }], nextCursor: 'l.2' }], [200, { items: [], nextCursor: 'l.2' }])
      .on('GET /api/projects/proj_1', [200, { id: 'proj_1', name: 'Big Rocket' }]).on('DELETE /api/projects/proj_1', [204, null]).on('POST /api/mail', [201, { id: 'mail_1' }]);

    expect(JSON.parse((await cli(['project', 'show', 'Big Rocket', '--json'])).out)).toMatchObject({ id: 'proj_1' });
    expect((await cli(['project', 'delete', 'Big Rocket'])).out).toBe('proj_1: deleted\n');
    expect((await cli(['events', '--filter', 'project=Big Rocket', '--json'])).out.trim().split('\n').map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(['a']);
    await cli(['mail', 'send', 'hello', '--to', 'project:Big Rocket']);
    expect(api.sent.at(-1)?.body).toMatchObject({ to: { kind: 'project', id: 'proj_1' } });
  });

  it('is told to be none, or more than one, with what lists their ids', async () => {
    projects('Moon', 'Moon');

    expect(await cli(['task', 'list', '--project', 'Moon'])).toMatchObject({ code: 2, err: expect.stringMatching(/2 projects are called Moon: proj_0, proj_1\.[^]*orbitmesh project list/) });
    expect(await cli(['task', 'list', '--project', 'My Moon'])).toMatchObject({ code: 3, err: expect.stringMatching(/There is no project My Moon\.[^]*orbitmesh project list/) });
  });
});

describe('status', () => {
  const checks = { gateway: true, sessionService: true, runners: 0, notifier: true };

  it('says what is missing, with exit code 5, and asks what it can', async () => {
    api.on('GET /health/ready', [503, { code: 'UNAVAILABLE', detail: 'No.', checks }]).on('GET /api/runners', [200, { items: [] }]).on('GET /api/sessions*', [200, { items: [], nextCursor: null }]);

    const ran = await cli(['status']);

    expect(ran).toMatchObject({ code: 5, out: expect.stringContaining('not ready (no runner is connected)') });
  });

  // Where there is no /proc nobody can tell.
  (process.platform === 'linux' ? it : it.skip)('says that the launcher is suspended, as the doctor does; down lets it go on, to stop', async () => {
    api.on('GET /health/ready', [503, { code: 'UNAVAILABLE', detail: 'No.', checks }]).on('GET /api/runners', [200, { items: [] }]).on('GET /api/sessions*', [200, { items: [], nextCursor: null }]);
    const launcher = spawn('sleep', ['60'], { stdio: 'ignore' });
    const ended = once(launcher, 'exit');
    await testHome.launched(launcher.pid);
    launcher.kill('SIGSTOP');
    const { isSuspended } = await launcherTools();
    await eventually(() => isSuspended(launcher.pid!), { what: 'a launcher that is suspended' });

    const [status, doctor, down] = [await cli(['status']), await cli(['doctor']), await cli(['down'])];

    expect(status.err).toContain(`The launcher (pid ${launcher.pid}) is suspended`);
    expect(doctor.out).toContain(`kill -CONT ${launcher.pid}`);
    expect(down).toMatchObject({ code: 0, err: expect.stringContaining('it goes on, to stop') });
    expect(await ended).toEqual([null, 'SIGTERM']);
  });

  it('repeats what session-service says is wrong with it, and asks it all the same', async () => {
    api.on('GET /health/ready', [503, { code: 'UNAVAILABLE', detail: 'No.', checks: { ...checks, sessionService: false, runners: 1 }, problems: { sessionService: 'The disk is full.' } }])
      .on('GET /api/runners', [200, { items: [] }]).on('GET /api/sessions*', [200, { items: [{ id: 's1', state: 'running', activity: 'idle', name: 'n', waiting: null }], nextCursor: null }]);

    const ran = await cli(['status']);

    expect(ran).toMatchObject({ code: 5, out: expect.stringContaining('not ready (session-service says: The disk is full.)') });
    expect(ran.out).toContain('s1 ');
  });

  it('repeats what those who serve have found, and is ready', async () => {
    api.on('GET /health/ready', [200, { ready: true, checks: { ...checks, runners: 1 }, problems: { sessionService: '3 files were damaged.', notifier: '1 file was damaged.' } }])
      .on('GET /api/runners', [200, { items: [] }]).on('GET /api/sessions*', [200, { items: [], nextCursor: null }]);

    expect(await cli(['status'])).toMatchObject({ code: 0, out: expect.stringContaining(': ready\nsession-service says: 3 files were damaged.\nnotifier says: 1 file was damaged.\n') });
  });

  it('shows who waits, and for what, beside who works, and who is in trouble', async () => {
    const session = (id: string, state: string, waiting: object | null) => ({ id, state, activity: 'idle', name: `n\u001b ${id}`, waiting });
    const impaired = { id: 'slot-0', state: 'impaired', problem: 'its disk is full', running: 0, capacity: 16 };
    api.on('GET /health/ready', [200, { ready: true, checks: { ...checks, runners: 1, notifier: false } }]).on('GET /api/runners', [200, { items: [impaired] }])
      .on('GET /api/sessions?status=spawning&limit=200', [200, { items: [session('s1', 'created', { reason: 'the provider x is installed on no runner' })], nextCursor: null }])
      .on('GET /api/sessions?status=working&limit=200', [200, { items: [session('s2', 'running', null)], nextCursor: null }]);

    const { out } = await cli(['status']);

    expect(out).toContain(': ready, and its notifier does not answer\n');
    expect(out).toContain('slot-0  impaired (its disk is full)  0 of 16');
    expect(out).toContain('s1       created  waiting   n␛ s1 (the provider x is installed on no runner)');
    expect(out).toContain('s2       running  idle      n␛ s2');
  });
});

describe('spawn', () => {
  it('sends the whole body, once, under the key it was given', async () => {
    api.on('POST /api/sessions/spawn', [201, { id: 'sess_1' }]);

    const ran = await cli(['spawn', 'do it', '-p', 'proj_1', '-t', 't1', '-t', 't2', '-d', 'sub', '--provider', 'claude', '--mode', 'interactive', '--model', 'm', '--permission-mode', 'deny',
      '-e', 'A=1=2', '-e', 'B=', '-s', 'KEY=env:KEY', '--custom', '{"x":1}', '--name', 'n', '--member', 'tm', '--parent', 'sess_0', '--system-prompt', 'sys', '--idempotency-key', 'k']);

    expect(ran).toEqual({ code: 0, out: 'sess_1\n', err: '' });
    expect(api.sent).toEqual([expect.objectContaining({ key: 'k', body: {
      projectId: 'proj_1', taskIds: ['t1', 't2'], workingDir: '/work/sub', providerType: 'claude', name: 'n', mode: 'interactive', model: 'm', permissionMode: 'deny', teamMemberId: 'tm', parentSessionId: 'sess_0',
      initialDirective: 'do it', systemPrompt: 'sys', environment: { A: '1=2', B: '' }, secrets: { KEY: 'env:KEY' }, custom: { x: 1 },
    } })]);
  });

  it('finds the project of the directory, on any page, or makes it', async () => {
    const place = join(home, 'place');
    await mkdir(place);
    api.on('GET /api/projects?limit=200', [200, { items: [{ id: 'proj_a', workingDir: '/other' }], nextCursor: 'c' }])
      .on('GET /api/projects?cursor=c&limit=200', [200, { items: [{ id: 'proj_b', workingDir: '/here' }], nextCursor: null }])
      .on('POST /api/projects', [201, { id: 'proj_new' }]).on('POST /api/sessions/spawn', [201, { id: 'sess_1' }]);

    await cli(['spawn', 'x'], { cwd: '/here' });
    const made = await cli(['spawn', 'x'], { cwd: place });

    const spawned = api.sent.filter((one) => one.path.endsWith('/spawn')).map((one) => one.body['projectId']);
    expect(spawned).toEqual(['proj_b', 'proj_new']);
    expect(api.sent.find((one) => one.method === 'POST' && one.path === '/api/projects')?.body).toEqual({ name: 'place', workingDir: place });
    expect(made.err).toContain('made project proj_new');
  });

  it.each([['missing', 'is missing'], ['run/stack.json', 'no directory']])('makes no project of what is no directory: %s', async (path, said) => {
    api.on('GET /api/projects?limit=200', [200, { items: [], nextCursor: null }]);

    expect(await cli(['spawn', 'x', '--dir', join(home, path)])).toMatchObject({ code: 6, out: '', err: expect.stringContaining(said) });
    expect(api.sent.map((one) => one.method)).toEqual(['GET']);
  });

  it('takes back the project it made when the spawn is refused', async () => {
    api.on('GET /api/projects?limit=200', [200, { items: [], nextCursor: null }]).on('POST /api/projects', [201, { id: 'proj_new' }])
      .on('POST /api/sessions/spawn', problem(404, 'PROVIDER_NOT_FOUND')).on('DELETE /api/projects/proj_new', [204, null], problem(422, 'PROJECT_NOT_EMPTY'));

    const refused = await cli(['spawn', 'x', '--dir', home]);
    const kept = await cli(['spawn', 'x', '--dir', home]);

    expect(refused).toMatchObject({ code: 3, err: expect.not.stringContaining('proj_new') });
    expect(api.sent.filter((one) => one.method === 'DELETE').map((one) => one.path)).toEqual(Array(2).fill('/api/projects/proj_new'));
    // Not knowing is told, too.
    expect(kept).toMatchObject({ code: 3, err: expect.stringContaining('project proj_new was made for this and stays') });
  });

  it('deletes no project that was there before', async () => {
    api.on('GET /api/projects?limit=200', [200, { items: [{ id: 'proj_a', workingDir: home }], nextCursor: null }]).on('POST /api/sessions/spawn', problem(404, 'PROVIDER_NOT_FOUND'));

    expect((await cli(['spawn', 'x', '--dir', home])).code).toBe(3);
    expect(api.sent.some((one) => one.method === 'DELETE')).toBe(false);
  });

  it("takes a task's own project, wherever it is called", async () => {
    api.on('GET /api/tasks/task_1', [200, { id: 'task_1', projectId: 'proj_t' }]).on('POST /api/sessions/spawn', [201, { id: 'sess_1' }]);

    await cli(['spawn', '--task', 'task_1', '--dir', home]);
    await cli(['spawn', '--task', 'task_none'], { cwd: home });

    expect(api.sent.map((one) => one.path)).toEqual(['/api/tasks/task_1', '/api/sessions/spawn', '/api/tasks/task_none']);
    expect(api.sent[1].body).toEqual({ projectId: 'proj_t', taskIds: ['task_1'], workingDir: home });
  });
});

describe('events', () => {
  const event = (seq: number, type: string, sessionId?: string) => ({ seq, cursor: `l.${seq}`, id: `e${seq}`, type, timestamp: '2026-01-01T10:20:30.000Z', commitEnd: true, sessionId, data: { name: `n${seq}` } });

  it('prints pages to their end, filtered, one JSON document a line', async () => {
    api.on('GET /api/events?limit=200', [200, { items: [event(1, 'task:created'), event(2, 'output', 's1')], nextCursor: 'l.2' }])
      .on('GET /api/events?after=l.2&limit=200', [200, { items: [event(3, 'output', 's2')], nextCursor: 'l.3' }]).on('GET /api/events?after=l.3&limit=200', [200, { items: [], nextCursor: 'l.3' }]);

    const all = await cli(['events']);
    const some = await cli(['events', '--session', 's1', '--session', 's2', '--type', 'output', '--json', '--limit', '1']);

    expect(all.out.split('\n')).toHaveLength(4);
    expect(all.out).toMatch(/^1 \d\d:\d\d:\d\d {2}task:created/);
    expect(some.out.trim().split('\n').map((line) => (JSON.parse(line) as { seq: number }).seq)).toEqual([2]);
  });

  it('tells keys, values and numbers, and one sentence once a session', async () => {
    const items = [
      { ...event(1, 'metadata', 's1'), data: { key: 'activity', value: 'idle' } }, { ...event(2, 'metric', 's1'), data: { tokensIn: 3, costUsd: 0.5 } }, { ...event(3, 'error', 's1'), data: { code: 'c', message: 'broke' } },
      { ...event(4, 'error', 's2'), data: { code: 'c', message: 'broke' } }, { ...event(5, 'notify:session_failed', 's1'), data: { message: 'broke' } },
    ];
    api.on('GET /api/events?limit=200', [200, { items, nextCursor: 'l.5' }]).on('GET /api/events?after=l.5&limit=200', [200, { items: [], nextCursor: 'l.5' }]);

    expect((await cli(['events'])).out.replaceAll(/ \d\d:\d\d:\d\d/g, '').split('\n')).toEqual([
      '1  metadata  s1  activity=idle', '2  metric  s1  tokensIn=3 costUsd=0.5', '3  error  s1  ✗ c: broke', '4  error  s2  ✗ c: broke', '5  notify:session_failed  s1', '']);
  });

  it('follows the feed', async () => {
    api.frames = [{ type: 'subscribed', resume: 'gap', cursor: 'l.4' }, { type: 'event', event: event(5, 'output') }, { type: 'event', event: event(6, 'output') }];

    const ran = await cli(['events', '-f', '--after', 'l.1', '--limit', '2', '--json']);

    expect(ran.out.trim().split('\n')).toHaveLength(2);
    expect(ran.err).toContain('no longer kept');
  });
});

describe('approve', () => {
  const approval = (id: string, state: string) => ({ id, state, title: `Do ${id}`, answer: { decision: 'allow' } });

  it.each([
    [[approval('a1', 'answered'), approval('a2', 'open')], 0, 'a2: allow\n'], [[approval('a1', 'answered')], 3, ''], [[approval('a1', 'open'), approval('a2', 'open')], 2, ''],
  ])('takes the only open one: %#', async (items, code, out) => {
    api.on('GET /api/sessions/sess_1/approvals', [200, { items, nextCursor: null }]).on('POST /api/sessions/sess_1/approvals/*', [200, approval('a2', 'answered')])
      .on('GET /api/sessions/sess_1', [200, { endedAt: null }]);

    expect(await cli(['approve', 'sess_1'])).toMatchObject({ code, out });
  });

  it('says of a session that has ended that it has', async () => {
    api.on('GET /api/sessions/sess_1/approvals', [200, { items: [], nextCursor: null }]).on('GET /api/sessions/sess_1', [200, { endedAt: '2026-01-01T00:00:00.000Z' }]);

    expect(await cli(['approve', 'sess_1'])).toMatchObject({ code: 4, err: expect.stringContaining('The session has ended') });
  });

  it('carries the answer', async () => {
    api.on('POST /api/sessions/sess_1/approvals/*', [200, approval('a', 'answered')]);
    await cli(['approve', 'sess_1', 'a', '--deny', '--reason', 'no']);
    await cli(['approve', 'sess_1', 'a', '--option', 'o1']);

    expect(api.sent.map((one) => one.body)).toEqual([{ decision: 'deny', reason: 'no' }, { optionId: 'o1' }]);
  });

  it('gives the problem itself to programs', async () => {
    api.on('POST /api/sessions/sess_1/approvals/*', problem(409, 'APPROVAL_ALREADY_ANSWERED'));

    const ran = await cli(['approve', 'sess_1', 'a', '--json']);

    expect(ran).toMatchObject({ code: 4, out: '' });
    expect(JSON.parse(ran.err)).toMatchObject({ error: { code: 'APPROVAL_ALREADY_ANSWERED', status: 409, exitCode: 4, errors: [{ pointer: '/name', detail: 'is wrong' }] } });
  });
});
