import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { createProcessTable, identify, isAlive } from './process-table.js';
import { RUN_MARKER, RunProcesses } from './run-processes.js';

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

    expect(processes().signal('SIGTERM')).toBeGreaterThanOrEqual(4);
    expect(await processes().sweep(5_000)).toBe(0);

    await exited;
    expect(processes().members()).toEqual([]);
  });

  onLinux('are not those of a run whose id begins the same', async () => {
    start('exec sleep 300', `${runId}0`);
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

  it('are told from a later process of the same pid by their start and their boot', async () => {
    const identity = identify(table, process.pid)!;

    expect(isAlive(table, identity)).toBe(true);
    expect(isAlive(table, { ...identity, startTime: '1' })).toBe(false);
    expect(isAlive(table, { ...identity, bootId: 'another' })).toBe(false);
  });
});
