import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { cp, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOOLS } from './stub-checkout.js';

interface Tools {
  homeLock(home: string): { tryAcquire(): object | null; readonly holder: { pid: number } | null };
  placeOf(dir: string): string | undefined;
  isNoMore(place: string, dir: string): boolean;
  startTimeOf(pid: number): string | null;
  leftoversOf(home: string): Record<string, { pid: number }>;
  countRuns(home: string, slot: string): { open: number; living: number };
  StackFile: new (runDir: string, describe: () => object, say: () => void) => { publish(): void };
  readStack(runDir: string): object | null;
}

/** A copy of a home has the same files in it: what they say is of the other one (ADR-0023). */
describe('a home that was copied', () => {
  let tools: Tools;
  let dir: string;
  let home: string;
  let copy: string;
  let child: ChildProcess | undefined;

  beforeEach(async () => {
    tools = {} as Tools;
    for (const name of ['owner-lock', 'place', 'process-info', 'leftovers', 'open-runs', 'stack-file']) Object.assign(tools, await import(`file://${TOOLS}lib/${name}.mjs`));
    dir = await mkdtemp(join(tmpdir(), 'om-copied-'));
    [home, copy] = [join(dir, 'home'), join(dir, 'copy')];
    await mkdir(join(home, 'run'), { recursive: true });
  });
  afterEach(async () => {
    child?.kill('SIGKILL');
    child = undefined;
    await rm(dir, { recursive: true });
  });

  /** A process that says to be of that home. */
  function processOf(of: string, more: NodeJS.ProcessEnv = {}): { pid: number; startTime: string } {
    child = spawn('sleep', ['60'], { stdio: 'ignore', env: { PATH: process.env['PATH'], ORBITMESH_HOME: of, ...more } });
    return { pid: child.pid!, startTime: tools.startTimeOf(child.pid!)! };
  }
  const publish = (services: object) => new tools.StackFile(join(home, 'run'), () => ({ ready: true, services }), () => undefined).publish();

  it('is held by nobody, and can be taken; moved, it stays with its launcher', async () => {
    expect(tools.homeLock(home).tryAcquire()).toBeNull();
    await cp(home, copy, { recursive: true });

    expect(tools.homeLock(copy).holder).toBeNull();
    expect(tools.homeLock(copy).tryAcquire()).toBeNull();
    expect(tools.homeLock(copy).tryAcquire()).toMatchObject({ pid: process.pid });
    await rename(home, `${home}-moved`);
    expect(tools.homeLock(`${home}-moved`).holder).toMatchObject({ pid: process.pid });
  });

  it('has no stack and nothing left over of the other; moved, it has its own', async () => {
    const nats = processOf(home);
    publish({ nats });
    await cp(home, copy, { recursive: true });

    expect([tools.readStack(join(copy, 'run')), tools.leftoversOf(copy)]).toEqual([null, {}]);
    expect(tools.leftoversOf(home)).toEqual({ nats });
    await rename(home, `${home}-moved`);
    expect(tools.leftoversOf(`${home}-moved`)).toEqual({ nats });
  });

  // Where there is no /proc nobody can tell.
  (process.platform === 'linux' ? it : it.skip)('does not believe its own file of a process that says to be of another home', async () => {
    await mkdir(copy);
    publish({ nats: processOf(copy) });

    expect(tools.leftoversOf(home)).toEqual({});
  });

  it('is told from the one that was there, which may have got another number, and from one that cannot be looked at', async () => {
    const place = tools.placeOf(home)!;
    const [inode, birth] = place.split('-');

    expect([place, `1-${birth}`].map((one) => tools.isNoMore(one, home))).toEqual([false, birth === '0']);
    expect([`${inode}-1`, '1-0'].map((one) => tools.isNoMore(one, home))).toEqual([birth !== '0', true]);
    await symlink('closed', join(dir, 'closed'));
    expect([join(dir, 'closed'), join(dir, 'nowhere'), join(home, 'run', 'nowhere', 'at all')].map((one) => tools.isNoMore(place, one))).toEqual([false, true, true]);
  });

  it('believes what an older version wrote, which did not say where', async () => {
    const nats = processOf(home);
    await writeFile(join(home, 'run', 'stack.json'), JSON.stringify({ services: { nats } }));
    await writeFile(join(home, 'run', 'launcher.lock.3'), JSON.stringify(nats));

    expect(tools.leftoversOf(home)).toEqual({ nats });
    expect(tools.homeLock(home).holder).toMatchObject(nats);
  });

  (process.platform === 'linux' ? it : it.skip)('has open runs and none of their agents', async () => {
    const run = join(home, 'provider-runner/slot-0/runs/run_1');
    await mkdir(run, { recursive: true });
    await writeFile(join(run, 'run.json'), JSON.stringify({ phase: 'started', place: tools.placeOf(run) }));
    processOf(home, { ORBITMESH_RUN_ID: 'run_1', ORBITMESH_MANIFEST: join(run, 'manifest.json') });
    await cp(home, copy, { recursive: true });
    const counted = () => [home, copy].map((one) => tools.countRuns(one, 'provider-runner/slot-0'));

    expect(counted()).toEqual([{ open: 1, living: 1 }, { open: 1, living: 0 }]);
    await rename(home, `${home}-moved`);
    // In its place, even: by the name that its agents know.
    await rename(copy, home);
    [home, copy] = [`${home}-moved`, home];
    expect(counted()).toEqual([{ open: 1, living: 1 }, { open: 1, living: 0 }]);
  });
});
