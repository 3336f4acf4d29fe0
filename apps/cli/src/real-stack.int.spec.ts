import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventEnvelope, Mail, Project, SessionView, Task } from '@orbitmesh/domain';
import { eventually, startStack, type TestStack } from '@orbitmesh/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { cliIn, type Ran, type RunOptions } from './testing/test-home.js';

/** The CLI against everything that is behind it; what each command asks for, and what becomes of failures, is tested without. */
describe('on a real stack', () => {
  let stack: TestStack;
  let work: string;
  let project: Project;

  beforeAll(async () => {
    work = await mkdtemp(join(tmpdir(), 'om-work-'));
    await writeFile(join(work, 'README.md'), '# Nothing to see\n');
    stack = await startStack();
    project = await json<Project>('project', 'create', 'Lighthouse', '--dir', work);
  }, 90_000);
  afterAll(async () => {
    await stack.stop();
    await rm(work, { recursive: true, force: true });
  }, 60_000);

  const cli = (args: string[], options: RunOptions = {}): Promise<Ran> => cliIn(stack.home, args, { cwd: work, ...options });
  async function lines<T>(...args: string[]): Promise<T[]> {
    const { code, out, err } = await cli([...args, '--json']);
    if (code !== 0) throw new Error(err);
    return out.split('\n').filter(Boolean).map((line) => JSON.parse(line) as T);
  }
  const json = async <T>(...args: string[]): Promise<T> => (await lines<T>(...args))[0];

  it('a task is made, placed, drawn, changed as it was seen, and deleted', async () => {
    const [first, second] = [await json<Task>('task', 'create', 'First', '-p', project.id), await json<Task>('task', 'create', 'Second', '-p', project.id)];
    await json('task', 'update', first.id, '--depends-on', second.id);
    expect((await cli(['task', 'move', second.id, '--before', first.id])).code).toBe(0);

    expect((await cli(['task', 'tree', '-p', project.id])).out).toMatch(/Lighthouse[^]*○ Second +todo, medium[^]*○ First +todo, medium, blocked by Second/);
    expect((await lines<Task>('task', 'ready', '-p', project.id)).map(({ title }) => title)).toEqual(['Second']);
    expect(await cli(['task', 'update', first.id, '--title', 'x', '--if-match', '99'])).toMatchObject({ code: 4, err: expect.stringContaining('Look at it again') });
    expect(await cli(['task', 'update', second.id, '--depends-on', first.id])).toMatchObject({ code: 6, err: expect.stringContaining('task tree') });
    expect(await cli(['project', 'delete', project.id])).toMatchObject({ code: 6 });
    for (const { id } of [first, second]) expect((await cli(['task', 'delete', id])).out).toBe(`${id}: deleted\n`);
    expect(await cli(['task', 'show', first.id])).toMatchObject({ code: 3 });
  });

  it('an edit by hand is told by the doctor, and taken in as an ordinary update: with its checks, its revision and its event', async () => {
    const task = await json<Task>('task', 'create', 'Fix the footer', '-p', project.id);
    const file = `session-service/tasks/${project.id}/${task.id}.json`;
    const path = join(stack.home, file);
    const edit = async (from: string, to: string) => writeFile(path, (await readFile(path, 'utf8')).replace(from, to));
    const doctor = async () => JSON.parse((await cli(['doctor', '--json'])).out) as { running: number | null; findings: { file: string; level: string; text: string }[] };
    await eventually(() => existsSync(path), { what: 'the file of the task' });
    expect(await doctor()).toMatchObject({ running: expect.any(Number), findings: [] });

    await edit('Fix the footer', 'Fix the header');
    expect((await doctor()).findings).toMatchObject([{ file, level: 'problem', text: 'was edited by hand: title' }]);
    expect(await cli(['doctor', '--adopt', file])).toMatchObject({ code: 0, out: `${task.id}: title taken in, as revision 2\n` });
    expect(await json<Task>('task', 'show', task.id)).toMatchObject({ title: 'Fix the header', revision: 2 });
    expect((await lines<EventEnvelope>('events')).filter(({ type, taskId }) => type === 'task:updated' && taskId === task.id)).toMatchObject([{ data: { title: 'Fix the header' } }]);
    await eventually(async () => (await doctor()).findings.length === 0, { what: 'a file as the log has it' });

    const refusals: [from: string, to: string, code: number, says: RegExp][] = [
      ['"todo"', '"done"', 2, /status/], [task.createdAt, '2020-01-01T00:00:00.000Z', 2, /createdAt/], ['"revision": 2', '"revision": 1', 4, /was made of revision 1, and .* has come to 2 meanwhile/], ['"revision": 2', '"revision": 9', 2, /says revision 9, and .* is at 2[^]*Write "revision": 2/],
      [`"teamMemberId": null`, `"teamMemberId": "tm_1"`, 3, /team member/], [/ {2}"description": "",\n/.exec(await readFile(path, 'utf8'))![0], '', 2, /description was taken out/], ['{', '[', 2, /not valid JSON|Expected|Unexpected/], ['"Fix', '"Fix', 4, /nothing .* to take in/],
    ];
    const whole = await readFile(path, 'utf8');
    for (const [from, to, code, says] of refusals) {
      await writeFile(path, whole.replace(from, to));
      expect({ to, ...await cli(['doctor', '--adopt', path]) }).toMatchObject({ to, code, err: expect.stringMatching(says) });
    }
    expect(await cli(['doctor', '--adopt', 'installation.json'])).toMatchObject({ code: 2 });
    expect(await json<Task>('task', 'show', task.id)).toMatchObject({ title: 'Fix the header', status: 'todo', revision: 2 });
  });

  it('a server that did it and broke the connection is asked again under the same key: there is one effect', async () => {
    const proxy = await DroppingProxy.before(stack.url);
    const ran = await cli(['project', 'create', 'Only once', '--dir', work, '--json'], { env: { ORBITMESH_API_URL: proxy.url, ORBITMESH_TOKEN: stack.token } });
    await proxy.stop();

    expect(ran).toMatchObject({ code: 0, err: '' });
    expect(proxy.dropped).toBe(1);
    const made = (await lines<Project>('project', 'list')).filter(({ name }) => name === 'Only once');
    expect(made).toEqual([JSON.parse(ran.out)]);
    await cli(['project', 'delete', made[0].id]);
  });

  it('a watched spawn shows the work, puts the question, and ends as it ended; then its story and its manifest can be had', async () => {
    const { code, out, err } = await cli(['spawn', 'look around', '-p', project.id, '--watch'], { typed: 'y\n', env: { NO_COLOR: '1' } });

    expect(code).toBe(0);
    expect(err).toContain('allow? [y/n]');
    for (const part of ['created → starting', 'Found ', 'allow by admin', '● completed: Wrote', 'stopping → stopped', 'completed']) expect(out).toContain(part);
    const id = /sess_\w+/.exec(err)![0];
    expect((await cli(['session', 'logs', id, '--raw'])).out).toContain('Looking through');
    expect((await cli(['session', 'timeline', id])).out).toMatch(/system +started[^]*progress[^]*completed[^]*system +stopped/);
    await isWhatTheAgentGot(id);
    expect(await cli(['mail', 'send', 'hello', '--to', id])).toMatchObject({ code: 4, err: expect.stringMatching(/keep-for-continuation/) });
    expect((await cli(['__complete', 'session'])).out).toContain(`${id}\tstopped: `);
  }, 60_000);

  /** Byte for byte the file that ORBITMESH_MANIFEST named. */
  async function isWhatTheAgentGot(id: string): Promise<void> {
    const session = await json<SessionView>('session', 'show', id);
    expect(await cli(['manifest', 'generate', '--session', id, '--out', 'manifest.json'])).toEqual({ code: 0, out: `${session.manifestHash}\n`, err: '' });
    const bytes = await readFile(join(work, 'manifest.json'));
    expect(createHash('sha256').update(bytes).digest('hex')).toBe(session.manifestHash);
    const runs = join(stack.home, 'provider-runner', 'slot-0', 'runs');
    const got = await Promise.all((await readdir(runs)).map((run) => readFile(join(runs, run, 'manifest.json'))));
    expect(got.some((one) => one.equals(bytes))).toBe(true);
    expect((await cli(['manifest', 'validate', 'manifest.json'])).code).toBe(0);
  }

  it('a preview is what a spawn would make, but for the id', async () => {
    const task = await json<Task>('task', 'create', 'Polish', '-p', project.id, '-c', 'it shines');
    const preview = await json<{ manifest: object }>('manifest', 'generate', '-t', task.id, '--permission-mode', 'allow');
    const session = await json<SessionView>('spawn', '-t', task.id, '--permission-mode', 'allow');

    expect({ ...preview.manifest, sessionId: session.id }).toEqual(await json('session', 'manifest', session.id));
    expect((await cli(['wait', session.id, '--timeout', '60'])).code).toBe(0);
    expect((await json<Task>('task', 'show', task.id)).taskSessionStatuses).toEqual({ [session.id]: 'completed' });
  }, 90_000);

  it('a runner that is drained takes nothing new until it is let', async () => {
    expect((await cli(['runner', 'drain', 'slot-0', '--wait'])).out).toBe('slot-0: drained\n');
    const { id } = await json<SessionView>('spawn', 'go', '-p', project.id, '--permission-mode', 'allow', '--priority', '5');
    await eventually(async () => /every capable runner is being drained/.test((await cli(['sessions'])).out), { what: 'a session that says why it waits' });
    expect((await cli(['runner', 'list'])).out).toMatch(/slot-0 +drained +0 of 16 +\d+% +demo/);
    expect(await cli(['runner', 'drain', 'slot-9'])).toMatchObject({ code: 3 });

    expect((await cli(['runner', 'undrain', 'slot-0'])).out).toBe('slot-0: connected\n');
    expect((await cli(['wait', id, '--timeout', '60'])).code).toBe(0);
  }, 90_000);

  it('mail that comes while it is waited for, or before, is printed once', async () => {
    const session = await json<SessionView>('spawn', 'wait here', '-p', project.id, '--mode', 'interactive', '--permission-mode', 'allow');
    await cli(['wait', session.id, '--for', 'idle', '--timeout', '60']);
    await cli(['session', 'pause', session.id]);
    const waiting = lines<Mail>('mail', 'wait', session.id, '--timeout', '30');
    await json('mail', 'send', 'one', '--to', session.id, '--subject', 'First');
    const first = await waiting;
    const second = await json<Mail>('mail', 'send', 'two', '--to', session.id);

    expect(first.map(({ body, state, deliveredBy }) => [body, state, deliveredBy])).toEqual([['one', 'delivered', 'wait']]);
    expect((await lines<Mail>('mail', 'wait', session.id, '--after', first[0].id)).map(({ id }) => id)).toEqual([second.id]);
    expect(await cli(['mail', 'wait', session.id, '--after', second.id, '--timeout', '0'])).toMatchObject({ code: 1, out: '' });
    expect((await cli(['mail', 'read', first[0].id])).out).toBe(`${first[0].id}: read\n`);
    expect((await lines<Mail>('mail', 'inbox', session.id, '--unread')).map(({ id }) => id)).toEqual([second.id]);
    expect((await cli(['mail', 'thread', first[0].id])).out).toMatch(/^First {2}.*\n.*\n.*directive +one/);
    expect((await cli(['kill', session.id])).code).toBe(0);
    // Its agent had reported that it was done, and what was reported first decides.
    expect((await cli(['wait', session.id, '--timeout', '30'])).out).toContain('completed');
  }, 120_000);

  it('the feed is filtered, and followed to what happens', async () => {
    const stop = new AbortController();
    const seen: string[] = [];
    const following = cli(['events', '-f', '--filter', `project=${project.id}`, '--filter', 'type=task:*', '--json'], { signal: stop.signal, screen: (text) => seen.push(text) });
    const all = () => seen.join('').split('\n').filter(Boolean).map((line) => (JSON.parse(line) as EventEnvelope).type);
    await eventually(async () => {
      await json<Task>('task', 'create', 'Seen', '-p', project.id);
      return all().includes('task:created');
    }, { what: 'a task in the feed' });
    stop.abort();

    expect((await following).code).toBe(0);
    expect(new Set(all())).toEqual(new Set(['task:created']));
  }, 30_000);

  it('a token is made once however often it is asked for, may what it was made for, and is worth nothing when it was replaced or revoked', async () => {
    const proxy = await DroppingProxy.before(stack.url);
    const made = await cli(['token', 'create', 'ci', '--scope', 'read'], { env: { ORBITMESH_API_URL: proxy.url, ORBITMESH_TOKEN: stack.token } });
    await proxy.stop();
    const [{ id, ...listed }, ...others] = await lines<{ id: string }>('token', 'list');
    const by = (token: string, ...args: string[]) => cli(args, { env: { ORBITMESH_API_URL: stack.url, ORBITMESH_TOKEN: token } });
    const token = made.out.trim();

    expect({ dropped: proxy.dropped, code: made.code, others }).toEqual({ dropped: 1, code: 0, others: [] });
    expect(listed).toEqual({ name: 'ci', scopes: ['read'], createdAt: expect.any(String), expiresAt: null });
    expect((await by(token, 'project', 'list')).code).toBe(0);
    expect(await by(token, 'project', 'create', 'P', '--dir', work)).toMatchObject({ code: 6, err: expect.stringMatching(/scope read[^]*token create/) });
    const next = (await cli(['token', 'rotate', id])).out.trim();
    expect([(await by(token, 'project', 'list')).code, (await by(next, 'project', 'list')).code]).toEqual([6, 0]);
    expect((await cli(['token', 'revoke', id])).code).toBe(0);
    expect((await by(next, 'project', 'list')).code).toBe(6);
  });

  it("the owner's token is replaced, in its file too", async () => {
    const { out, code } = await cli(['token', 'rotate', 'admin']);

    expect({ code, out }).toEqual({ code: 0, out: (await cli(['token'])).out });
    expect(out.trim()).not.toBe(stack.token);
    expect((await cli(['project', 'list'], { env: { ORBITMESH_API_URL: stack.url, ORBITMESH_TOKEN: stack.token } })).code).toBe(6);
    expect((await cli(['project', 'list'])).code).toBe(0);
  });
});

/** Passes everything on; of the first change it takes the answer and breaks the connection. */
class DroppingProxy {
  dropped = 0;

  private constructor(private readonly server: Server) {}

  static async before(target: string): Promise<DroppingProxy> {
    const server = createServer();
    const proxy = new DroppingProxy(server);
    const { hostname, port, host } = new URL(target);
    server.on('request', (incoming, outgoing) => {
      const passed = request({ hostname, port, method: incoming.method, path: incoming.url, headers: { ...incoming.headers, host } }, (answer) => {
        if (incoming.method === 'POST' && proxy.dropped === 0) {
          proxy.dropped += 1;
          answer.resume().on('end', () => incoming.socket.destroy());
        } else {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        }
      });
      incoming.pipe(passed);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}
