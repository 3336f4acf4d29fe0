import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { createProcessTable } from '../../process/process-table.js';
import { tempDir } from '../../testing/temp-dir.js';
import { detectCommand } from './detect-command.js';

describe('asking a program for its version', () => {
  let dir: ReturnType<typeof tempDir>;
  const started = (): string => join(dir.path, 'started');
  const isLeft = (): boolean => createProcessTable().scan().find(Number(readFileSync(started(), 'utf8'))) !== undefined;

  beforeEach(() => { dir = tempDir(); });
  afterEach(() => {
    if (existsSync(started()) && isLeft()) process.kill(Number(readFileSync(started(), 'utf8')), 'SIGKILL');
    dir.remove();
  });

  /** A script that has another program do its work, as launchers of agents do. */
  const program = (script: string): string => {
    const path = join(dir.path, 'agent');
    writeFileSync(path, `#!/bin/sh\nsleep 300 & echo $! >'${started()}'\n${script}\n`, { mode: 0o700 });
    return path;
  };
  const detect = (script: string, timeoutMs?: number) => detectCommand({ driver: 'acp', command: [program(script)] }, ['--version'], timeoutMs);

  it('takes the line that looks like one, and leaves nothing behind of what the program started', async () => {
    expect(await detect('echo hello; echo agent 1.2.3; echo update me')).toEqual({ installed: true, version: 'agent 1.2.3', detail: null });
    await eventually(() => !isLeft());
  });

  it.each([
    ['it did not say it in time', 'wait', 1_000],
    ['it says too much', 'yes', undefined],
    ['it ended with exit code 3', 'exit 3', undefined],
  ])('says that %s, and leaves nothing behind then either', async (problem, script, timeoutMs) => {
    expect(await detect(script, timeoutMs)).toEqual({ installed: true, version: null, detail: `the version is unknown: ${problem}` });
    await eventually(() => !isLeft());
  });

  it('leaves nothing behind when the runner leaves meanwhile', async () => {
    const module = fileURLToPath(new URL('../../../dist/drivers/wire/detect-command.js', import.meta.url));
    const code = `import(${JSON.stringify(module)}).then(({ detectCommand }) => detectCommand({ driver: 'acp', command: [${JSON.stringify(program('wait'))}] }, [])); process.on('SIGTERM', () => process.exit());`;
    const runner = spawn(process.execPath, ['-e', code], { stdio: 'ignore' });
    await eventually(() => existsSync(started()) && isLeft());
    const gone = once(runner, 'exit');
    runner.kill('SIGTERM');
    await gone;
    await eventually(() => !isLeft());
  });
});
