import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { canMountSmallDisk, mountSmallDisk, unmountSmallDisk } from '../testing/small-disk.js';
import { tempDir } from '../testing/temp-dir.js';
import { createProcessTable, identify, isAlive, type ProcessIdentity } from './process-table.js';
import { RUN_MARKER } from './run-mark.js';
import { RunProcesses } from './run-processes.js';
import { launchWrapper } from './wrapper.js';

const table = createProcessTable();
const onLinux = process.platform === 'linux' ? it : it.skip;
const withSmallDisk = canMountSmallDisk() ? it : it.skip;

describe('the wrapper of an agent', () => {
  const runId = `run_wrap${process.pid}`;
  let dir: ReturnType<typeof tempDir>;
  let run: string;
  let wrapper: ProcessIdentity;

  beforeEach(() => {
    dir = tempDir();
    run = join(dir.path, 'run');
    mkdirSync(run);
  });
  afterEach(async () => {
    await new RunProcesses(table, runId).sweep(5_000, { keepers: true });
    unmountSmallDisk(run);
    dir.remove();
  });

  /** An agent that exits with 3 when it is told to. */
  const launch = async (): Promise<void> => {
    const pid = await launchWrapper({
      dir: run, command: ['/bin/sh', '-c', 'while [ ! -e "$0" ]; do sleep 0.02; done; exit 3', join(dir.path, 'go')],
      workingDir: dir.path, environment: { PATH: process.env.PATH!, [RUN_MARKER]: runId }, userUmask: '022',
    });
    wrapper = identify(table, pid)!;
    await eventually(() => existsSync(join(run, 'pid')) && readFileSync(join(run, 'pid'), 'utf8').endsWith('\n'));
  };
  it('executes nothing where its working directory has become a link since it was looked at', async () => {
    mkdirSync(join(dir.path, 'elsewhere'));
    symlinkSync(join(dir.path, 'elsewhere'), join(dir.path, 'work'));
    const pid = await launchWrapper({
      dir: run, command: ['/bin/sh', '-c', 'touch here'], workingDir: join(dir.path, 'work'), environment: { [RUN_MARKER]: runId }, userUmask: '022',
    });
    await eventually(() => table.find(pid)?.zombie !== false, { what: 'the end of the wrapper' });
    expect([existsSync(join(run, 'pid')), existsSync(join(dir.path, 'elsewhere/here')), readFileSync(join(run, 'err'), 'utf8')]).toEqual([false, false, expect.stringContaining('became another one')]);
  });

  const letGo = (): void => writeFileSync(join(dir.path, 'go'), '');
  const exit = (): string => readFileSync(join(run, 'exit'), 'utf8');

  withSmallDisk('writes down how the agent ended though the disk is full', async () => {
    expect(mountSmallDisk(run, '256k')).toBe(true);
    await launch();
    expect(() => writeFileSync(join(run, 'fill'), Buffer.alloc(1024 * 1024))).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
    letGo();
    await eventually(() => !isAlive(table, wrapper), { what: 'the end of the wrapper' });

    expect(exit()).toBe('3  \n');
    expect(() => writeFileSync(join(run, 'more'), 'x')).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  });

  onLinux('waits for room where even that cannot be written, and gives the file its name only then', async () => {
    await launch();
    const agent = identify(table, Number(readFileSync(join(run, 'pid'), 'utf8')))!;
    rmSync(join(run, 'exit.new'));
    symlinkSync('/dev/full', join(run, 'exit.new'));
    letGo();
    await eventually(() => !isAlive(table, agent));
    await eventually(() => table.scan().childrenOf(wrapper.pid).some(({ pid }) => pid !== Number(readFileSync(join(run, 'hold'), 'utf8'))), { what: 'a wrapper that waits' });
    expect(existsSync(join(run, 'exit'))).toBe(false);

    rmSync(join(run, 'exit.new'));

    await eventually(() => existsSync(join(run, 'exit')));
    expect(exit()).toBe('3  \n');
  });

  it('leaves with its agent when its directory was taken away', async () => {
    await launch();
    rmSync(run, { recursive: true });
    letGo();

    await eventually(() => !isAlive(table, wrapper), { what: 'the end of the wrapper' });
  });

  onLinux('is alone no agent that could not be ended, however often it tries to write down the end', async () => {
    await launch();
    const [agentPid, holderPid] = ['pid', 'hold'].map((name) => Number(readFileSync(join(run, name), 'utf8')));
    rmSync(join(run, 'exit.new'));
    symlinkSync('/dev/full', join(run, 'exit.new'));
    letGo();
    await eventually(() => table.find(agentPid) === undefined);
    const processes = new RunProcesses(table, runId, { wrapper, agentPid, holderPid });

    expect(await processes.sweep(200)).toBe(0);
    expect(isAlive(table, wrapper)).toBe(true);
  });
});
