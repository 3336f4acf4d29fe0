import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { SCAN_REST_FACTOR } from '../limits.js';
import { ProcessScan } from './process-scan.js';
import { createProcessTable, identify, isAlive, type ProcessEntry, type ProcessTable } from './process-table.js';
import { RUN_MARKER } from './run-mark.js';
import { RunProcesses } from './run-processes.js';
import { SharedWork } from './shared-work.js';

const table = createProcessTable();
const onLinux = process.platform === 'linux' ? it : it.skip;

describe('the processes of a run', () => {
  const runId = `run_spec${process.pid}`;
  const processes = (id = runId): RunProcesses => new RunProcesses(table, id);
  const start = (script: string, id = runId) => spawn('/bin/sh', ['-c', script], { detached: true, stdio: 'ignore', env: { PATH: process.env.PATH, [RUN_MARKER]: id } });

  afterEach(async () => {
    await processes().sweep(5_000, { keepers: true });
    await processes(`${runId}0`).sweep(5_000, { keepers: true });
  });

  onLinux('are found by their marker wherever they went, and all of them are ended', async () => {
    const child = start(`trap '' TERM; (setsid sh -c 'trap "" TERM; (setsid sleep 300 &) ; sleep 300' &) ; sleep 300`);
    await eventually(() => processes().members().length >= 4);
    const exited = once(child, 'exit');

    expect(await processes().signal('SIGTERM')).toBeGreaterThanOrEqual(4);
    expect(await processes().sweep(5_000)).toBe(0);

    await exited;
    expect(processes().members()).toEqual([]);
  });

  onLinux('are found when they take the marker with another program, though they had been seen without it', async () => {
    const child = spawn('/bin/sh', ['-c', `read go; exec env ${RUN_MARKER}=${runId} sleep 300`], { stdio: ['pipe', 'ignore', 'ignore'] });
    await once(child, 'spawn');
    expect(processes().members()).toEqual([]);
    expect(processes().members()).toEqual([]);

    child.stdin!.end('\n');

    await eventually(() => processes().members().length === 1);
  });

  onLinux('are not those of a run whose id begins the same, or of one that only speaks of it', async () => {
    start(`exec env QUOTES="${RUN_MARKER}=${runId}" sleep 300`, `${runId}0`);
    await eventually(() => processes(`${runId}0`).members().length === 1);

    expect(processes().members()).toEqual([]);
  });

  onLinux('are kept in sight when they shed the marker, as long as they were seen before or hang on the tree', async () => {
    const child = start(`env -i PATH="$PATH" sh -c 'sleep 300 & wait' & wait`);
    const own = new RunProcesses(table, runId, { wrapper: identify(table, child.pid!)! });
    await eventually(() => own.members().length >= 2);

    expect(await own.sweep(5_000, { keepers: true })).toBe(0);
    expect(own.members({ keepers: true })).toEqual([]);
  });

  it('are found by the group of the agent, also where what holds its stdin is in another one of ours', () => {
    const entry = (pid: number, pgid: number): ProcessEntry => ({ pid, pgid, ppid: 1, startTime: String(pid), zombie: false });
    const [holder, child, shedding, stranger] = [entry(10, 9), entry(21, 20), entry(22, 20), entry(30, 30)];
    const marked = [holder.pid, child.pid];
    const scripted: ProcessTable = {
      bootId: 'boot', seesEnvironment: true, find: () => undefined, environment: () => undefined,
      scan: () => new ProcessScan([holder, child, shedding, stranger], ({ pid }) => (marked.includes(pid) ? { runId: 'run_1', slot: undefined } : undefined)),
      nextScan: async () => scripted.scan(),
    };
    const own = new RunProcesses(scripted, 'run_1', { wrapper: { pid: 9, startTime: '9', bootId: 'boot' }, agentPid: 20, holderPid: 10 });

    expect(own.members({ keepers: true }).map(({ pid }) => pid).sort()).toEqual([10, 21, 22]);
  });

  it.each([[true, 0], [false, 1]])('are given time to die where their disk is slow (patient: %s), longer than what refuses to', async (patient, left) => {
    const child = spawn('/bin/sleep', ['300'], { stdio: 'ignore' });
    const entry: ProcessEntry = { pid: child.pid!, pgid: 1, ppid: 1, startTime: 'a', zombie: false };
    const gone = once(child, 'exit').then(() => performance.now() + 400);
    let goneAt = Infinity;
    void gone.then((at) => { goneAt = at; });
    const scripted: ProcessTable = {
      bootId: 'boot', seesEnvironment: true, find: () => entry, environment: () => undefined,
      scan: () => new ProcessScan(performance.now() < goneAt ? [entry] : [], () => ({ runId: 'run_1', slot: undefined })),
      nextScan: async () => scripted.scan(),
    };

    expect(await new RunProcesses(scripted, 'run_1').sweep(100, { patient })).toBe(left);
    await gone;
  });

  it('are told from a later process of the same pid by their start and their boot', async () => {
    const identity = identify(table, process.pid)!;

    expect(isAlive(table, identity)).toBe(true);
    expect(isAlive(table, { ...identity, startTime: '1' })).toBe(false);
    expect(isAlive(table, { ...identity, bootId: 'another' })).toBe(false);
  });
});

describe('a look at the system that runs share', () => {
  it('is one for all who ask before it begins, and another for whoever asks later', async () => {
    let looks = 0;
    const scans = new SharedWork(() => {
      looks += 1;
      return new ProcessScan([], () => undefined);
    }, SCAN_REST_FACTOR);

    const [first, second] = await Promise.all([scans.next(), scans.next()]);
    const third = await scans.next();

    expect(second).toBe(first);
    expect(third).not.toBe(first);
    expect(looks).toBe(2);
  });
});
