import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { DirectoryLock } from '@orbitmesh/storage';
import { createProcessTable } from '../process/process-table.js';
import { RUN_MARKER } from '../process/run-mark.js';
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

const home = (): string => join(dir.path, 'home');
/** A process of a run, as that home called it when it began. */
function processOf(slot: string, name: string, of = home()): ChildProcess {
  const runId = `run_stray${process.pid}_${name}`;
  const env = { PATH: process.env.PATH, [RUN_MARKER]: runId, ORBITMESH_MANIFEST: join(of, 'provider-runner', slot, 'runs', runId, 'manifest.json') };
  children.push(spawn('sleep', ['60'], { stdio: 'ignore', env }));
  return children.at(-1)!;
}
const sweep = () => sweepStrays({ table: createProcessTable(home()), home: home(), runnerId: 'slot-0', log: () => undefined } as Partial<RunEnvironment> as RunEnvironment);
const isLeft = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

onLinux('what no record explains is ended in the own slot and in those that nobody has; nothing of a living runner, or of a home beside', async () => {
  const beside = join(dir.path, 'copy');
  for (const path of [beside, join(home(), 'provider-runner/slot-8'), join(home(), `provider-runner/slot-0/runs/run_stray${process.pid}_kept`)]) mkdirSync(path, { recursive: true });
  const lock = await DirectoryLock.acquire(join(home(), 'provider-runner/slot-8'));
  const strays = [processOf('slot-0', 'own'), processOf('slot-7', 'nobodys')];
  const others = [processOf('slot-0', 'kept'), processOf('slot-8', 'held'), processOf('slot-0', 'copied', beside)];
  const ends = Promise.all(strays.map((child) => once(child, 'exit')));

  await sweep();

  await ends;
  expect(others.map(isLeft)).toEqual([true, true, true]);
  await lock.release();
});

onLinux('what says to be of a home that is nowhere any more is left alone: it may only be called otherwise, and belong to a run that is there', async () => {
  mkdirSync(home());
  const moved = processOf('slot-0', 'moved', join(dir.path, 'before'));

  await sweep();

  expect(isLeft(moved)).toBe(true);
  expect(createProcessTable(home()).scan().markedBy(`run_stray${process.pid}_moved`).map(({ pid }) => pid)).toEqual([moved.pid]);
});
