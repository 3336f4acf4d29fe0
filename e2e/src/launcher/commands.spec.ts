import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually, inFull, processesNaming } from '@orbitmesh/testing';
import { TOOLS } from './stub-checkout.js';

interface Command { child: ChildProcess; output: () => string; exit: Promise<number | null> }

/** The commands of package.json, as a person runs them, in a HOME of their own. The checkout is set up already. */
describe('the commands', () => {
  let home: string;
  let commands: Command[];

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'om-user-'));
    commands = [];
  });
  afterEach(async () => {
    for (const { child, exit } of commands) {
      if (child.exitCode === null) child.kill('SIGINT');
      await exit;
    }
    expect(await processesNaming(home)).toEqual([]);
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  function run(script: string, ...args: string[]): Command {
    const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ORBITMESH_')));
    // The default port may be in use on the machine that runs the tests.
    const child = spawn(process.execPath, [`${TOOLS}${script}`, ...args], { env: { ...env, HOME: home, ORBITMESH_PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] });
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => said.push(chunk.toString()));
    const command = { child, output: () => said.join(''), exit: once(child, 'exit').then(([code]) => code as number | null) };
    commands.push(command);
    return command;
  }

  async function expectReport(demo: Command): Promise<void> {
    const code = await demo.exit;
    expect({ code, output: code === 0 ? '' : demo.output() }).toEqual({ code: 0, output: '' });
    const report = /the report {4}(\S+)/.exec(demo.output())?.[1] ?? '';
    expect(await readFile(report, 'utf8')).toContain('sess_');
    await rm(join(report, '..'), { recursive: true, force: true });
  }

  it('npm run demo alone starts a stack of its own, tells the story to its report, and leaves no process', async () => {
    const demo = run('demo.mjs');
    await expectReport(demo);
    expect(demo.output()).toContain('none runs; starting one in ~/.orbitmesh-demo');
    expect(demo.output()).toMatch(/asks {6}Write .*\n.*notified {2}Needs input\n.*you {7}allowed it/);
    expect(demo.output()).toMatch(/outcome completed \(reported by the agent\)/);
    // What reached the agent stands in the report, not in the story.
    expect(demo.output()).not.toContain('ORBITMESH_');
    expect(demo.output().match(/Wrote orbitmesh-report/g)).toHaveLength(1);
    expect(existsSync(join(home, '.orbitmesh', 'run'))).toBe(false);
    expect(existsSync(join(home, '.orbitmesh-demo', 'run', 'stack.json'))).toBe(false);
  }, 120_000);

  it.each([['--help', 0], ['--what', 1]])('npm run demo %s says how it is used, and starts nothing', async (argument, code) => {
    const demo = run('demo.mjs', argument);
    expect(await demo.exit).toBe(code);
    expect(demo.output()).toContain('npm run demo: an agent at work');
    expect(existsSync(join(home, '.orbitmesh-demo'))).toBe(false);
  });

  it('npm run demo says that it stopped, and exits with 130, when it is interrupted while its stack starts', async () => {
    const demo = run('demo.mjs');
    await eventually(() => demo.output().includes('none runs; starting one'), { what: 'the start of its stack' });
    for (let repeat = 0; repeat < 2; repeat += 1) demo.child.kill('SIGINT');
    expect(await demo.exit).toBe(130);
    expect(demo.output()).toMatch(/\nStopping …\n[^]*Stopped\.\n$/);
    expect(existsSync(join(home, '.orbitmesh-demo', 'run', 'stack.json'))).toBe(false);
  }, 60_000);

  inFull('npm start and npm run demo, begun at the same moment, both work', async () => {
    const start = run('start.mjs');
    await expectReport(run('demo.mjs'));
    await eventually(() => start.output().includes('OrbitMesh is ready at'), { what: 'npm start', timeoutMs: 60_000 });
    const since = performance.now();
    start.child.kill('SIGINT');
    expect(await start.exit).toBe(0);
    expect(performance.now() - since).toBeLessThan(10_000);
  }, 120_000);

  it('npm run demo uses the stack that npm start runs', async () => {
    const start = run('start.mjs');
    await eventually(() => start.output().includes('OrbitMesh is ready at'), { what: 'npm start', timeoutMs: 60_000 });
    const demo = run('demo.mjs');
    await expectReport(demo);
    expect(demo.output()).toContain('the one that runs in ~/.orbitmesh, at http://127.0.0.1:');
    expect(existsSync(join(home, '.orbitmesh-demo'))).toBe(false);
    const token = (await readFile(join(home, '.orbitmesh', 'api-gateway', 'admin.token'), 'utf8')).trim();
    expect(start.output() + demo.output()).not.toContain(token);
  }, 120_000);
});
