import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SessionView } from '@orbitmesh/domain';
import { eventually, inFull, processesNaming } from '@orbitmesh/testing';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { StackFile } from './connection.js';
import { cliIn, type Ran } from './testing/test-home.js';

let home: string;
let work: string;
beforeEach(async () => { [home, work] = await Promise.all(['om-home-', 'om-work-'].map((name) => mkdtemp(join(tmpdir(), name)))); });
afterEach(async () => {
  const { code } = await cli('down');
  const left = await processesNaming(home);
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  for (const dir of [home, work]) await rm(dir, { recursive: true, force: true, maxRetries: 3 });
  expect({ code, left }).toEqual({ code: 0, left: [] });
}, 60_000);

/** What jest and whoever runs it has set is not the stack's. */
const plainEnv = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ORBITMESH_') && name !== 'NODE_OPTIONS'));
const cli = (...args: string[]): Promise<Ran> => cliIn(home, args, { cwd: home, env: { ...plainEnv(), ORBITMESH_HOME: home, ORBITMESH_PORT: '0' } });
async function json<T>(...args: string[]): Promise<T> {
  const { code, out, err } = await cli(...args, '--json');
  if (code !== 0) throw new Error(err);
  return JSON.parse(out) as T;
}
const stackFile = async () => JSON.parse(await readFile(join(home, 'run', 'stack.json'), 'utf8')) as StackFile;
interface Up { url: string; pid: number; started: boolean }
interface Down { stopped: boolean; pid: number | null }

describe('up and down', () => {
  it('start once, however often and at once they are called, and stop what runs', async () => {
    const ups = await Promise.all([json<Up>('up'), json<Up>('up')]);
    const again = await json<Up>('up');

    expect(ups.map(({ started }) => started).sort()).toEqual([false, true]);
    expect(new Set([...ups, again].map(({ url, pid }) => `${url} ${pid}`)).size).toBe(1);
    expect(again.started).toBe(false);
    const { launcher } = await stackFile();
    expect(launcher).toEqual({ pid: again.pid, startTime: expect.any(String) });
    expect(await cli('status')).toMatchObject({ code: 0, out: expect.stringMatching(/ready[^]*session-service +ready[^]*slot-0 +connected/) });

    expect(await json<Down>('down')).toMatchObject({ stopped: true, pid: again.pid });
    expect(await processesNaming(home)).toEqual([]);
    expect(existsSync(join(home, 'run', 'stack.json'))).toBe(false);
    expect(await json<Down>('down')).toMatchObject({ stopped: false, pid: null });
    expect(await cli('status')).toMatchObject({ code: 5, err: expect.stringContaining('orbitmesh up') });
  }, 180_000);

  // Two starts more: the same is tested of the store by itself in every run (libs/storage/src/boot/hand-edits.spec.ts).
  inFull('do not put in force what was edited in between: it is put aside, and can be taken in', async () => {
    await json<Up>('up');
    const { id: projectId } = await json<{ id: string }>('project', 'create', 'P', '--dir', work);
    const { id } = await json<{ id: string }>('task', 'create', 'Committed', '-p', projectId);
    await json<Down>('down');
    const file = join(home, 'session-service', 'tasks', projectId, `${id}.json`);
    await writeFile(file, (await readFile(file, 'utf8')).replace('Committed', 'Edited'));
    await json<Up>('up');

    expect(await json('task', 'show', id)).toMatchObject({ title: 'Committed', revision: 1 });
    // The files are looked at behind the start; until then it is the doctor that finds it, as a problem.
    const found = async () => (JSON.parse((await cli('doctor', '--json')).out) as { findings: { level: string; text: string; advice: string[] }[] }).findings;
    const [note, ...others] = await eventually(async () => {
      const findings = await found();
      return findings.length > 0 && findings.every(({ level }) => level === 'note') ? findings : undefined;
    }, { what: 'a look at the files' });
    expect([note.text, others]).toEqual([expect.stringContaining('was edited by hand while nobody was there'), []]);
    const kept = / --adopt (\S+)/.exec(note.advice[0])![1];
    expect(await cli('doctor', '--adopt', kept)).toMatchObject({ code: 0, out: `${id}: title taken in, as revision 2\n` });
    expect(await json('task', 'show', id)).toMatchObject({ title: 'Edited', revision: 2 });
    await eventually(async () => (await found()).length === 0, { what: 'nothing left to say' });
  }, 180_000);

  it('leave the agents at work with --keep-agents, and the next start goes on with them', async () => {
    await json<Up>('up');
    const { id } = await json<SessionView>('spawn', 'look', '--mode', 'interactive', '--dir', work);
    await cli('wait', id, '--for', 'needs-input', '--timeout', '60');

    expect(await cli('down', '--keep-agents')).toMatchObject({ code: 0, out: expect.stringContaining('its agents go on') });
    expect((await processesNaming(id)).length).toBeGreaterThan(0);
    await json<Up>('up');

    expect(await eventually(async () => {
      const session = await json<SessionView>('session', 'show', id);
      return session.state === 'running' && session.needsInput?.active ? session : null;
    }, { what: 'the session, still at work', timeoutMs: 30_000 })).toMatchObject({ id, outcome: null });
    expect((await cli('down')).code).toBe(0);
    expect(await processesNaming(id)).toEqual([]);
  }, 180_000);

  it('end what a launcher left that was killed, and never a stranger that has its pid now', async () => {
    const { pid } = await json<Up>('up');
    const { services = {} } = await stackFile();
    process.kill(pid, 'SIGKILL');
    await eventually(async () => (await processesNaming(home)).every(({ command }) => command.includes('nats-server')), { what: 'services that follow their launcher', timeoutMs: 20_000 });

    expect(await json<Down>('down')).toMatchObject({ stopped: true, pid: null });
    expect(await processesNaming(home)).toEqual([]);

    const stranger = spawn('sleep', ['60'], { stdio: 'ignore' });
    await writeFile(join(home, 'run', 'launcher.lock.9'), JSON.stringify({ pid: stranger.pid, startTime: 'another', checkout: '/elsewhere' }));
    await writeFile(join(home, 'run', 'stack.json'), JSON.stringify({ ready: true, url: 'http://127.0.0.1:9', launcher: { pid: stranger.pid, startTime: 'another' }, services: { nats: { ...services['nats'], pid: stranger.pid } } }));
    expect(await json<Down>('down')).toMatchObject({ stopped: false });
    await endedByUs(stranger);
  }, 180_000);

  // The same words of the launcher are tested in every run (e2e/src/launcher/remote.spec.ts).
  inFull('say that other machines can reach it, whenever it is started so', async () => {
    const env = { ...plainEnv(), ORBITMESH_HOME: home, ORBITMESH_PORT: '0', ORBITMESH_HOST: '0.0.0.0', ORBITMESH_ALLOW_REMOTE: '1', ORBITMESH_ALLOWED_HOSTS: 'mesh.example' };
    expect(await cliIn(home, ['up'], { env })).toMatchObject({ code: 0, out: expect.stringContaining('is ready at'), err: expect.stringContaining('other machines can reach it, on 0.0.0.0') });
  }, 120_000);

  it('say why it did not start, with its last words, and none of an earlier start', async () => {
    await mkdir(join(home, 'run', 'logs'), { recursive: true });
    await writeFile(join(home, 'run', 'logs', 'launcher.log'), 'OrbitMesh is ready at http://127.0.0.1:9\n');
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const port = String((taken.address() as AddressInfo).port);

    const ran = await cliIn(home, ['up', '--json'], { env: { ...plainEnv(), ORBITMESH_HOME: home, ORBITMESH_PORT: port } });
    taken.close();

    expect(ran).toMatchObject({ code: 1, out: '' });
    expect(ran.err).not.toContain('is ready');
    expect(JSON.parse(ran.err)).toMatchObject({ error: { message: expect.stringContaining(`Port ${port} on 127.0.0.1 is taken`), hint: expect.stringContaining('launcher.log') } });
  }, 60_000);

  it('stay with it in the foreground, until Ctrl-C', async () => {
    const ctrlC = new AbortController();
    const ran = cliIn(home, ['up', '--foreground', '--json'], { env: { ...plainEnv(), ORBITMESH_HOME: home, ORBITMESH_PORT: '0' }, signal: ctrlC.signal, screen: (text) => { if (text.startsWith('{"url"')) ctrlC.abort(); } });

    const { code, out, err } = await ran;
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ url: expect.stringMatching(/^http:/), started: true });
    for (const line of err.trim().split('\n')) expect(JSON.parse(line)).toEqual({ note: expect.any(String) });
    expect(await processesNaming(home)).toEqual([]);
  }, 120_000);

  it.each(['up', 'down'])('are not for a session: %s', async (command) => {
    const env = { ...plainEnv(), ORBITMESH_HOME: home, ORBITMESH_SESSION_ID: 'sess_1', ORBITMESH_TOKEN: 't', ORBITMESH_API_URL: 'http://127.0.0.1:9' };
    expect(await cliIn(home, [command], { env })).toMatchObject({ code: 6, out: '' });
  });
});

/** It lived until now. */
async function endedByUs(stranger: ChildProcess): Promise<void> {
  expect(stranger.exitCode).toBeNull();
  stranger.kill('SIGTERM');
  expect(await once(stranger, 'exit')).toEqual([null, 'SIGTERM']);
}
