import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, cpSync, mkdirSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DirectoryLock, nodeFs } from '@orbitmesh/storage';
import { createProcessTable } from '../process/process-table.js';
import { RUN_MARKER } from '../process/run-mark.js';
import { isTaken } from '../process/taken-run.js';
import type { RunEnvironment } from '../run/run-environment.js';
import { tempDir } from '../testing/temp-dir.js';
import { sweepStrays } from './strays.js';

const onLinux = process.platform === 'linux' ? it : it.skip;

let dir: ReturnType<typeof tempDir>;
let children: ChildProcess[];
beforeEach(() => {
  dir = tempDir();
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  dir.remove();
});

const runOf = (name: string): string => `run_stray${process.pid}_${name}`;
const home = (): string => join(dir.path, 'home');
/** A process of a run, as that home called it when it began. */
function processOf(slot: string, name: string, of = home(), output: number | 'ignore' = 'ignore'): ChildProcess {
  const runId = runOf(name);
  const env = { PATH: process.env.PATH, [RUN_MARKER]: runId, ORBITMESH_MANIFEST: join(of, 'provider-runner', slot, 'runs', runId, 'manifest.json') };
  children.push(spawn('sleep', ['60'], { stdio: ['ignore', output, 'ignore'], env }));
  return children.at(-1)!;
}
const sweep = () => sweepStrays({ table: createProcessTable(home()), home: home(), slot: 'slot-0', log: () => undefined } as Partial<RunEnvironment> as RunEnvironment);
const isLeft = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

onLinux('what no record explains is ended in the own slot and in those that nobody has; nothing of a living runner, or of a home beside', async () => {
  const beside = join(dir.path, 'copy');
  for (const path of [beside, join(home(), 'provider-runner/slot-8'), join(home(), `provider-runner/slot-0/runs/${runOf('kept')}`)]) mkdirSync(path, { recursive: true });
  const lock = await DirectoryLock.acquire(join(home(), 'provider-runner/slot-8'));
  const strays = [processOf('slot-0', 'own'), processOf('slot-7', 'nobodys')];
  const others = [processOf('slot-0', 'kept'), processOf('slot-8', 'held'), processOf('slot-0', 'copied', beside)];
  const ends = Promise.all(strays.map((child) => once(child, 'exit')));

  await sweep();

  await ends;
  expect(others.map(isLeft)).toEqual([true, true, true]);
  await lock.release();
});

/** Whether this home takes that process for one of its run. */
const isOurs = (child: ChildProcess, name: string, by = home()): boolean => createProcessTable(by).scan().markedBy(runOf(name)).some(({ pid }) => pid === child.pid);

describe('a process that says to be of a home that is nowhere any more', () => {
  const before = (): string => join(dir.path, 'before');
  const begun = (name: string, of = before()): string => {
    const runDir = join(of, 'provider-runner/slot-0/runs', runOf(name));
    mkdirSync(runDir, { recursive: true });
    writeFileSync(join(runDir, 'run.json'), JSON.stringify({ place: nodeFs.identitySync!(runDir) }));
    writeFileSync(join(runDir, 'out'), '');
    return runDir;
  };

  onLinux('is of the home that has the directory of its run, under whatever name, and not of a copy of that', async () => {
    begun('moved');
    cpSync(before(), home(), { recursive: true });
    const moved = processOf('slot-0', 'moved', before());
    renameSync(before(), `${before()}-moved`);

    await sweep();

    expect([isOurs(moved, 'moved', `${before()}-moved`), isOurs(moved, 'moved')]).toEqual([true, false]);
    expect(isLeft(moved)).toBe(true);
  });

  onLinux('is of that also where another home is called so by now, whose runner leaves it to the one that has it', async () => {
    const output = openSync(join(begun('taken', home()), 'out'), 'a');
    const taken = processOf('slot-0', 'taken', home(), output);
    closeSync(output);
    renameSync(home(), before());
    mkdirSync(home());
    const lock = await DirectoryLock.acquire(join(before(), 'provider-runner/slot-0'));
    const here = (): Promise<boolean> => isTaken(createProcessTable(home()), runOf('taken'), join(home(), 'provider-runner/slot-0/runs', runOf('taken')));

    await sweep();
    expect(await here()).toBe(true);
    await lock.release();

    expect([await here(), isOurs(taken, 'taken', before())]).toEqual([false, true]);
    expect(isLeft(taken)).toBe(true);
    const end = once(taken, 'exit');
    await sweep();
    await end;
  });

  onLinux('is of a copy once there is no such directory any more, as of a home that was moved to another disk', async () => {
    const output = openSync(join(begun('lost'), 'out'), 'a');
    cpSync(before(), home(), { recursive: true });
    const lost = processOf('slot-0', 'lost', before(), output);
    closeSync(output);
    rmSync(before(), { recursive: true });

    expect(isOurs(lost, 'lost')).toBe(true);
  });

  onLinux('is of a home that is nowhere itself: it was moved under its runner', () => {
    expect(isOurs(processOf('slot-0', 'away'), 'away')).toBe(true);
  });
});
