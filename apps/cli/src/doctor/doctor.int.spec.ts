import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, cp, mkdir, mkdtemp, open, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DirectoryLock, nodeFs, NOTIFIER_STORE, SESSION_STORE, Store } from '@orbitmesh/storage';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { cliIn } from '../testing/test-home.js';
import type { DoctorResult } from './doctor.js';

const TASK = 'session-service/tasks/proj_1/task_1.json';
const PROJECT = 'session-service/projects/proj_1.json';
const EVENTS = 'session-service/sessions/sess_1/events.ndjson';
const onLinux = process.platform === 'linux' ? it : it.skip;

let home: string;
let children: ChildProcess[];
let server: Server | undefined;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'om-doctor-'));
  children = [];
  await makeHome();
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  server?.close();
  server = undefined;
  await rm(home, { recursive: true, force: true });
});

const at = (file: string) => join(home, file);
const put = (collection: string, doc: { id: string; [field: string]: unknown }) => ({ collection, id: doc.id, doc });
const event = (type: string, sessionId?: string) => ({ type, timestamp: '2026-01-01T00:00:00.000Z', data: {}, ...(sessionId && { sessionId }) });

const TASK_1 = { id: 'task_1', projectId: 'proj_1', status: 'todo', dependencies: [], sessionIds: [], taskSessionStatuses: {} };
const SESSION_1 = { id: 'sess_1', projectId: 'proj_1', taskIds: [], state: 'stopped', desired: {}, metrics: {}, transitions: [], revision: 1 };

/** As services leave it behind that were stopped in good order. */
async function makeHome(): Promise<void> {
  const store = await openStore();
  await store.commit({ puts: [put('projects', { id: 'proj_1', name: 'P', workingDir: '/work', revision: 1 }), put('tasks', { ...TASK_1, title: 'before', revision: 1 })], events: [event('a')] });
  await store.commit({ puts: [put('tasks', { ...TASK_1, title: 'now', revision: 2 }), put('sessions', SESSION_1)], events: [event('b', 'sess_1'), event('c', 'sess_1')] });
  await store.close();
  const notifier = await Store.open({ ...NOTIFIER_STORE, dir: at('notifier'), installationId: 'in_1' });
  await notifier.commit({ puts: [put('position', { id: 'position', jumps: [], jumpCount: 0, revision: 1 })] });
  await notifier.close();
  for (const dir of ['api-gateway', 'run', 'provider-runner/slot-0/runs/run_1']) await mkdir(at(dir), { recursive: true, mode: 0o700 });
  await write('installation.json', JSON.stringify({ installationId: 'in_1', createdAt: '2026-01-01T00:00:00.000Z' }));
  await write('api-gateway/admin.token', `omd_${'a'.repeat(43)}\n`);
  await write('session-service/agent-token.key', Buffer.alloc(32));
  await write('provider-runner/slot-0/runs/run_1/run.json', JSON.stringify({ runId: 'run_1', phase: 'closed' }));
}

const openStore = () => Store.open({ ...SESSION_STORE, dir: at('session-service'), installationId: 'in_1' });
const write = (file: string, content: string | Buffer) => writeFile(at(file), content, { mode: 0o600 });
const edit = async (file: string, from: string, to: string) => write(file, (await readFile(at(file), 'utf8')).replace(from, to));

async function doctor(...args: string[]): Promise<DoctorResult & { code: number }> {
  const { code, out, err } = await cliIn(home, ['doctor', '--json', ...args], { cwd: home });
  if (out === '') throw new Error(err);
  return { code, ...JSON.parse(out) as DoctorResult };
}
const problems = ({ findings }: DoctorResult) => findings.filter(({ level }) => level === 'problem').map(({ file, text }) => `${file ?? ''} ${text}`.trim());

type Fault = [name: string, hurt: () => Promise<unknown>, says: RegExp, done: RegExp];
const MENDED: Fault[] = [
  ['a document that was edited by hand', () => edit(TASK, 'now', 'mine'), /task_1.json was edited by hand: title/, /put back as the log has it; what was there is in quarantine/],
  ['a document that is missing', () => rm(at(PROJECT)), /proj_1.json is missing/, /put back as the log has it$/],
  ['a document of the notifier that is torn', () => truncate(at('notifier/position.json'), 5), /notifier\/position.json is not JSON/, /put back/],
  ['a document that is a link', async () => { await rm(at(TASK)); await symlink('/etc/hostname', at(TASK)); }, /not a regular file/, /put back/],
  ['a document that was never committed', () => write('session-service/projects/proj_9.json', JSON.stringify({ schemaVersion: 1, id: 'proj_9' })), /never committed/, /moved into quarantine/],
  ['events of a session that are gone', () => truncate(at(EVENTS), 10), /events.ndjson has lost \d+ bytes/, /written again from the log/],
  ['a snapshot that is damaged', () => truncate(at('session-service/snapshot.ndjson'), 300), /snapshot.ndjson is damaged.*; the next start reads every document's file instead/, /removed/],
  ['a temporary file of a store', () => write('session-service/tasks/proj_1/.task_1.json.1.2.om-tmp', '{'), /left over from a write/, /removed/],
  ['a temporary file of a process that is gone', () => write('run/stack.json.999999999.0.tmp', ''), /left over from a process that is gone/, /removed/],
  ['a token that others can read', () => chmod(at('api-gateway/admin.token'), 0o644), /admin.token is open to other users \(644\)$/, /closed to all but their owner/],
  ['a home that others can read', () => chmod(home, 0o755), /^\. is open to other users \(755\)$/, /closed/],
  ['a file that its owner cannot read', () => chmod(at(TASK), 0o000), /task_1.json is closed to its owner \(000\)/, /opened to their owner/],
  ['an installation.json that is missing', () => rm(at('installation.json')), /installation.json is missing/, /made again for in_1/],
  ['an installation.json that is damaged', () => write('installation.json', '{'), /installation.json is damaged/, /made again for in_1, .*installation.json.replaced/],
  ['an installation.json of another home', () => write('installation.json', JSON.stringify({ installationId: 'in_2' })), /of another home \(in_2; the log is of in_1\)/, /made again for in_1/],
  ['a stack.json of a launcher that is gone', () => write('run/stack.json', JSON.stringify({ ready: true, url: null, services: {} })), /of a launcher that is gone$/, /removed/],
];

describe('the doctor', () => {
  it('finds nothing wrong where nothing is, and says what there is', async () => {
    expect(await doctor()).toEqual({
      code: 0, home, running: null, mended: [], findings: [],
      summary: { 'session-service': '3 documents, 1 session, 3 events', notifier: '1 document', 'slot-0': '0 open runs, 1 kept', disk: expect.stringMatching(/ free$/) },
    });
  });

  it.each(MENDED)('finds %s, and mends it', async (_name, hurt, says, done) => {
    const before = await Promise.all([TASK, PROJECT, EVENTS, 'notifier/position.json'].map((file) => readFile(at(file), 'utf8')));
    await hurt();

    const found = await doctor();
    const fixed = await doctor('--fix');

    // Whoever is root can read it all the same.
    expect(problems(found).filter((one) => !/cannot be read: EACCES/.test(one))).toEqual([expect.stringMatching(says)]);
    expect(found).toMatchObject({ code: 1, mended: [], findings: expect.arrayContaining([expect.objectContaining({ level: 'problem', fixable: true })]) });
    expect(fixed).toMatchObject({ code: 0, mended: [{ done: expect.stringMatching(done) }] });
    expect(problems(fixed)).toEqual([]);
    expect(await Promise.all([TASK, PROJECT, EVENTS, 'notifier/position.json'].map((file) => readFile(at(file), 'utf8')))).toEqual(before);
    await (await openStore()).close();
  });

  it.each<[string, () => Promise<unknown>, RegExp]>([
    ['an admin.token that nobody can use', () => write('api-gateway/admin.token', 'x'), /admin.token is damaged/],
    ['a key that is damaged', () => write('session-service/agent-token.key', 'x'), /agent-token.key is damaged/],
    ['a providers.json that is broken', () => write('providers.json', '{'), /providers.json cannot be used: it is not JSON/],
    ['a run that cannot be read', () => write('provider-runner/slot-0/runs/run_1/run.json', '{'), /run.json cannot be read/],
    ['a run whose record leads to itself', async () => { await rm(at('provider-runner/slot-0/runs/run_1/run.json')); await symlink('run.json', at('provider-runner/slot-0/runs/run_1/run.json')); }, /run.json cannot be read/],
    ['a document of a newer version', () => edit(TASK, '"schemaVersion": 1', '"schemaVersion": 7'), /written by a newer version \(7\)/],
    ['a log of a newer version', async () => { await rm(at('session-service/checkpoint.json')); await write('session-service/checkpoint.json', '{"schemaVersion":9}'); }, /session-service was written by a newer version/],
  ])('tells of %s, with what to do, and leaves it as it is', async (_name, hurt, says) => {
    await hurt();

    const fixed = await doctor('--fix');

    expect(problems(fixed)).toEqual([expect.stringMatching(says)]);
    expect(fixed).toMatchObject({ code: 1, mended: [], findings: [{ fixable: false, advice: [expect.stringMatching(/./)] }] });
  });

  it('never mends under a store at work: it says whose it is, and that it has to be stopped', async () => {
    const store = await openStore();
    await store.checked();
    await edit(TASK, 'now', 'mine');
    await chmod(at(PROJECT), 0o644);

    const fixed = await doctor('--fix');
    await store.close();

    expect(fixed.summary['session-service']).toContain(`in use by process ${process.pid}`);
    expect(fixed.mended).toMatchObject([{ file: PROJECT, done: expect.stringContaining('closed') }]);
    expect(problems(fixed)).toEqual([expect.stringMatching(/held by process .*though OrbitMesh does not run/), expect.stringMatching(/edited by hand/)]);
    expect(fixed.findings[1]).toMatchObject({ fixable: false, advice: [expect.stringContaining(`: orbitmesh doctor --adopt ${TASK}`), expect.stringContaining('orbitmesh down')] });
  });

  onLinux('finds a process of a run that is over, ends it, and leaves alone the one of a run that goes on', async () => {
    await mkdir(at('provider-runner/slot-0/runs/run_2'));
    await chmod(at('provider-runner/slot-0/runs/run_2'), 0o700);
    await write('provider-runner/slot-0/runs/run_2/run.json', JSON.stringify({ runId: 'run_2', phase: 'started', place: nodeFs.identitySync!(at('provider-runner/slot-0/runs/run_2')) }));
    const marked = (runId: string, of?: string, output: number | 'ignore' = 'ignore') => spawn('sleep', ['60'], { stdio: ['ignore', output, 'ignore'], env: { ...process.env, ORBITMESH_RUN_ID: runId, ORBITMESH_MANIFEST: of && `${of}/provider-runner/slot-0/runs/${runId}/manifest.json` } });
    // This home is a copy of others, whose runs are called the same; one of them has another name by now.
    const original = await mkdtemp(join(tmpdir(), 'om-original-'));
    // And one was called as this one is, and its runner has taken over what it began then.
    const taken = join(original, 'provider-runner/slot-0');
    await mkdir(join(taken, 'runs/run_9'), { recursive: true });
    const [output, lock] = [await open(join(taken, 'runs/run_9/out'), 'a'), await DirectoryLock.acquire(taken)];
    const [orphan, atWork, stranger, theirs, moved, adopted] = [marked('run_1', home), marked('run_2'), marked('run_of_another_home'), marked('run_1', original), marked('run_1', `${original}-moved`), marked('run_9', home, output.fd)];
    children = [orphan, atWork, stranger, theirs, moved, adopted];
    await output.close();

    const found = await doctor();
    const fixed = await doctor('--fix');

    expect(problems(found)).toEqual([`Process ${orphan.pid} (sleep 60) is of the run run_1, which is over.`]);
    expect(found.findings.filter(({ level }) => level === 'note')).toMatchObject([{ text: '1 agent is at work without a runner.' }]);
    expect(fixed).toMatchObject({ code: 0, mended: [{ done: 'killed' }] });
    if (orphan.signalCode === null) await once(orphan, 'exit');
    expect(children.map(({ signalCode }) => signalCode)).toEqual(['SIGKILL', null, null, null, null, null]);
    await lock.release();
    await rm(original, { recursive: true });
  });

  onLinux('ends the agent of a slot that no runner takes any more, once its session has ended', async () => {
    const dir = 'provider-runner/slot-1/runs';
    for (const [runId, sessionId] of [['run_3', 'sess_3'], ['run_4', 'sess_4']]) {
      await mkdir(at(`${dir}/${runId}`), { recursive: true, mode: 0o700 });
      await write(`${dir}/${runId}/run.json`, JSON.stringify({ runId, sessionId, phase: 'started', place: nodeFs.identitySync!(at(`${dir}/${runId}`)) }));
    }
    const store = await openStore();
    const ended = { state: 'error', outcome: { code: 'runner_lost' } };
    await store.commit({ puts: [put('sessions', { ...SESSION_1, ...ended, id: 'sess_3', run: { runId: 'run_3' } }), put('sessions', { ...SESSION_1, state: 'running', outcome: null, id: 'sess_4', run: { runId: 'run_4' } })] });
    await store.close();
    children = ['run_3', 'run_4'].map((runId) => spawn('sleep', ['60'], { stdio: 'ignore', env: { ...process.env, ORBITMESH_RUN_ID: runId, ORBITMESH_MANIFEST: at(`${dir}/${runId}/manifest.json`) } }));

    const found = await doctor();
    const fixed = await doctor('--fix');

    expect(problems(found)).toEqual([`Process ${children[0].pid} (sleep 60) is of the run run_3, whose runner is gone and whose session has ended.`]);
    expect(found.findings.filter(({ level }) => level === 'note')).toMatchObject([{ text: '1 agent is at work without a runner.' }]);
    expect(fixed).toMatchObject({ code: 0, mended: [{ done: 'killed' }] });
    if (children[0].signalCode === null) await once(children[0], 'exit');
    expect(children.map(({ signalCode }) => signalCode)).toEqual(['SIGKILL', null]);
  });

  it('tells of a lock whose holder does not answer', async () => {
    await rm(at('notifier/.lock.1.sock'), { force: true });
    server = createServer().listen(at('notifier/.lock.7.sock'));
    await once(server, 'listening');
    await chmod(at('notifier/.lock.7.sock'), 0o600);

    expect(problems(await doctor())).toEqual(['notifier is held by a process that does not answer']);
  });

  it('tells of what an agent kept for a session that was deleted, and of what lies in quarantine', async () => {
    for (const session of ['sess_1', 'sess_gone']) await mkdir(at(`provider-runner/slot-0/agents/demo/${session}`), { recursive: true, mode: 0o700 });
    await write('provider-runner/slot-0/agents/demo/sess_gone/memory', 'x'.repeat(2048));
    await write(TASK, '');
    await doctor('--fix');

    const { code, findings } = await doctor();

    expect(code).toBe(0);
    expect(findings).toMatchObject([
      { level: 'note', file: 'session-service/quarantine', text: expect.stringContaining('keeps 1 thing that was put aside, newest: tasks/proj_1/task_1.json is empty') },
      { level: 'note', file: 'provider-runner/slot-0/agents/demo/sess_gone', text: expect.stringContaining('(2.0 KiB in all)') },
    ]);
  });

  it('tells of a store that is gone as a whole, mends nothing of it, and calls nothing abandoned that may be all that is left', async () => {
    for (const store of ['session-service', 'notifier']) {
      await write(`${store}.store.json`, '{"madeAt":"2026-01-01T00:00:00.000Z"}');
      await rm(at(store), { recursive: true });
    }
    await mkdir(at('provider-runner/slot-0/agents/demo/sess_1'), { recursive: true, mode: 0o700 });

    const fixed = await doctor('--fix');

    expect(fixed).toMatchObject({ code: 1, mended: [], summary: { 'session-service': 'gone', notifier: 'gone' } });
    expect(fixed.findings).toEqual(['session-service', 'notifier'].map((file) => ({
      file, level: 'problem', text: 'is gone, or empty: this home has had one since 2026-01-01T00:00:00.000Z', fixable: false, advice: [expect.stringContaining('backup'), expect.stringContaining(`rm ${at(file)}.store.json`)],
    })));
  });

  it('advises nobody to take in a manifest that was edited: it is put back', async () => {
    const store = await openStore();
    const manifest = { manifestVersion: '1.0', sessionId: 'sess_1', projectId: 'proj_1', provider: {}, tasks: [], workingDir: '/w' };
    await store.commit({ puts: [{ collection: 'manifests', id: 'sess_1', doc: manifest }] });
    await store.close();
    await edit('session-service/sessions/sess_1/manifest.json', '/w', '/x');
    await edit('notifier/position.json', '"jumpCount": 0', '"jumpCount": 1');

    expect((await doctor()).findings).toMatchObject([{ text: 'was edited by hand: workingDir', fixable: true, advice: [] }, { text: 'was edited by hand: jumpCount', fixable: true, advice: [] }]);

    // Nor once a start has put it aside; what can be taken in is named all the same.
    await edit(TASK, 'now', 'mine');
    const { out } = await cliIn(home, ['doctor', '--restored']);
    const { findings } = await doctor();
    expect(out).toMatch(/manifest\.json was edited by hand[^\n]*\n(?! *→)/);
    expect(findings.find(({ file }) => file === 'session-service/quarantine')?.advice).toEqual([expect.stringMatching(/--adopt .*__task_1\.json$/), expect.stringContaining('Remove what you do not need')]);
  });

  it('has nothing against a providers.json that its editor left open, as long as nobody can enter the home', async () => {
    await write('providers.json', '{}');
    await chmod(at('providers.json'), 0o644);
    expect(problems(await doctor())).toEqual([]);

    await chmod(home, 0o711);
    expect(problems(await doctor())).toEqual(['. is open to other users (711)', 'providers.json is open to other users (644)']);
  });

  it('has nothing against a FIFO that was put aside, and takes no directory for a document', async () => {
    await mkdir(at('session-service/quarantine'), { mode: 0o700 });
    execFileSync('mkfifo', ['-m', '644', at('session-service/quarantine/fifo')]);

    expect(problems(await doctor())).toEqual([]);
    const ran = await cliIn(home, ['doctor', '--adopt', 'session-service/tasks'], { cwd: home });
    expect(ran).toMatchObject({ code: 2, err: expect.stringMatching(/session-service\/tasks is no file\.\n[^]*named by: orbitmesh doctor/) });
    expect(ran.err).not.toContain('Mend it');
  });

  it('notices a home that was copied back, and needs to be told of one that was set back', async () => {
    const copy = `${home}-copy`;
    await cp(home, copy, { recursive: true, filter: (path) => !path.endsWith('.sock') });
    const { out } = await cliIn(copy, ['doctor', '--json']);
    await rm(copy, { recursive: true });
    expect((JSON.parse(out) as DoctorResult).findings).toMatchObject([{ level: 'note', text: expect.stringContaining('is a copy') }, { level: 'note' }]);

    await edit(TASK, 'now', 'mine');
    expect(await cliIn(home, ['doctor', '--restored'])).toMatchObject({ code: 0, out: expect.stringMatching(/goes on from in_1-2_[0-9a-v]{6}\.3:[^]*task_1\.json was edited by hand[^]*put aside as session-service\/quarantine\/[^]*doctor --adopt session-service\/quarantine\//) });
    const store = await openStore();
    expect(store.logId).toMatch(/^in_1-2_/);
    expect(await cliIn(home, ['doctor', '--restored'])).toMatchObject({ code: 4, err: expect.stringContaining('down') });
    await store.close();
  });

  it('speaks to a person of what is wrong, what to do, and how to mend it', async () => {
    await edit(TASK, 'now', 'mine');

    expect(await cliIn(home, ['doctor'])).toMatchObject({
      code: 1, err: '',
      out: expect.stringMatching(new RegExp(`^OrbitMesh in ${home} does not run\n  session-service  2 documents[^]*✗ ${TASK} was edited by hand: title\n  → Take it in: orbitmesh up, and then orbitmesh doctor --adopt ${TASK}\n\n1 problem; orbitmesh doctor --fix mends it.\n$`)),
    });
    expect((await cliIn(home, ['doctor', '--fix'])).out).toMatch(/✓ .*edited by hand: title\n {2}→ put back as the log has it.*\n[^]*\nNothing is wrong any more\.\n$/);
  });

  it('names to a program each file that is open, and to a person the first', async () => {
    await chmod(at('session-service'), 0o755);
    await chmod(at(TASK), 0o640);

    const { findings } = JSON.parse((await cliIn(home, ['doctor', '--json'])).out) as DoctorResult;
    expect(findings).toMatchObject([{ file: 'session-service', text: 'is open to other users (755)' }, { file: TASK, text: 'is open to other users (640)' }]);
    expect((await cliIn(home, ['doctor'])).out).toContain('session-service is open to other users (755), and 1 more file or directory: ');
    expect((JSON.parse((await cliIn(home, ['doctor', '--fix', '--json'])).out) as DoctorResult).findings).toEqual([]);
  });

  it('says with --fix of a home at work that what is its services\' was not mended, because it runs', async () => {
    const store = await openStore();
    await store.checked();
    await edit(TASK, 'now', 'mine');
    const { out } = await cliIn(home, ['doctor', '--fix']);
    await store.close();

    expect(out).toContain(`${TASK} was edited by hand: title; not mended, because it runs`);
  });

  it.each([['doctor'], ['doctor', '--fix'], ['backup', '/tmp/x']])('is not for a session: %s %s', async (...args) => {
    expect(await cliIn(home, args, { env: { ORBITMESH_SESSION_ID: 'sess_1' } })).toMatchObject({ code: 6, out: '' });
  });

  it('says where there is no home', async () => {
    expect(await cliIn(at('nowhere'), ['doctor'])).toMatchObject({ code: 3, err: expect.stringContaining('There is no home at') });
  });
});

describe('a backup', () => {
  it('is a home of its own, for its owner alone, without what is only of now', async () => {
    await write('run/nats.password', 'x');
    const to = `${home}-backup/deep`;
    try {
      expect(JSON.parse((await cliIn(home, ['backup', to, '--json'])).out)).toEqual({ home, path: to, documents: 4, events: 3, cursor: 'in_1-1.3' });
      expect((await readdir(to)).sort()).toEqual(['api-gateway', 'installation.json', 'notifier', 'provider-runner', 'session-service']);
      expect((await stat(to)).mode & 0o777).toBe(0o700);
      expect((JSON.parse((await cliIn(to, ['doctor', '--json'])).out) as DoctorResult).findings.filter(({ level }) => level === 'problem')).toEqual([]);
      await copyFile(at('installation.json'), join(to, 'installation.json'));
    } finally {
      await rm(`${home}-backup`, { recursive: true, force: true });
    }
  });

  it.each<[string, () => string, number, RegExp]>([
    ['into the home itself', () => at('backup'), 2, /in the home itself/], ['where something is', () => at('../'), 4, /not empty/], ['over a file', () => at('installation.json'), 2, /in the home itself/],
  ])('is not made %s', async (_name, to, code, says) => {
    expect(await cliIn(home, ['backup', to()])).toMatchObject({ code, err: expect.stringMatching(says) });
  });

  it('is not there at all when it could not be made', async () => {
    await rm(at('session-service/log'), { recursive: true });
    await writeFile(at('session-service/log'), 'no directory');
    const to = `${home}-backup`;

    expect((await cliIn(home, ['backup', to])).code).toBe(1);

    expect((await readdir(tmpdir())).filter((name) => join(tmpdir(), name).startsWith(to))).toEqual([]);
  });
});
