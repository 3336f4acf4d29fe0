import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { eventually, inFull, processesNaming, startStack, type StackOptions, type TestStack } from '@orbitmesh/testing';
import { journal, StubCheckout } from './stub-checkout.js';

/** Only the runner can end its agents: it must get to do so, whatever happens to it while the stack is stopped. */
describe('a runner that is gone when the launcher stops', () => {
  let checkout: StubCheckout;
  let home: string;
  let runFile: string;

  beforeAll(async () => { checkout = await StubCheckout.make(); });
  afterAll(() => checkout.remove());
  beforeEach(async () => {
    home = await checkout.home();
    runFile = join(home, 'provider-runner', 'slot-0', 'runs', 'run_1', 'run.json');
    await mkdir(dirname(runFile), { recursive: true });
    await writeFile(runFile, '{"phase":"started"}');
    await writeFile(join(dirname(runFile), 'end'), '');
  });
  afterEach(async () => expect(await processesNaming(home)).toEqual([]));

  const markOf = (of: string, runId = 'run_1'): NodeJS.ProcessEnv => ({ ...process.env, ORBITMESH_RUN_ID: runId, ORBITMESH_MANIFEST: join(of, `provider-runner/slot-0/runs/${runId}/manifest.json`) });
  /** What ended it. */
  const agentOf = (of: string): Promise<unknown> => once(spawn('sleep', ['60'], { stdio: 'ignore', env: markOf(of) }), 'exit').then(([, signal]) => signal as unknown);
  const launch = (options: StackOptions = {}): Promise<TestStack> => startStack({ home, launcher: checkout.launcher, ...options });
  const misbehave = (how: string): Promise<void> => writeFile(join(home, 'provider-runner.fault'), how);
  const openRuns = async (): Promise<boolean> => (await readFile(runFile, 'utf8')) === '{"phase":"started"}';
  const runnerDid = async (): Promise<string[]> => (await journal(home)).filter((entry) => entry.app === 'provider-runner').map((entry) => entry.what);

  it('is started once more when it dies while it stops, and ends its runs', async () => {
    await misbehave('fragile');
    const stack = await launch();
    const end = await stack.interrupt();
    expect(end).toMatchObject({ code: 0 });
    expect(end.ms).toBeLessThan(10_000);
    expect(await runnerDid()).toEqual(['start', 'start', 'stop']);
    expect(await openRuns()).toBe(false);
    expect(stack.output).toContain('starting it once more');
  });

  it('is started once more when it is dead already, without its usual delay', async () => {
    const stack = await launch();
    await stack.kill('provider-runner/slot-0');
    expect(await stack.interrupt()).toMatchObject({ code: 0 });
    expect(await openRuns()).toBe(false);
  });

  it('is asked no sooner than it serves, because before that it would leave its agents', async () => {
    const stack = await launch({ waitReady: false });
    await eventually(async () => (await runnerDid()).length > 0, { what: 'a runner that starts' });
    expect(await stack.interrupt()).toMatchObject({ code: 0 });
    expect(await runnerDid()).toEqual(['start', 'stop']);
    expect(await openRuns()).toBe(false);
  });

  it.each([false, true])('makes the end an unclean one when it dies again, and the launcher ends its agents (still there: %s), which is left to be told', async (lives) => {
    const agent = lives ? agentOf(home) : null;
    const beside = spawn('sleep', ['60'], { stdio: 'ignore', env: markOf(checkout.root) });
    await misbehave('doomed');
    const stack = await launch();
    expect(await stack.interrupt()).toMatchObject({ code: 1 });
    expect(await runnerDid()).toEqual(['start', 'start']);
    expect(stack.output).toContain('have ended, which could not be written down for 1');
    expect(stack.output.includes('1 ended without its runner')).toBe(lives);
    expect(beside.signalCode).toBeNull();
    beside.kill();
    if (agent) expect(await agent).toBe('SIGKILL');
    expect(await readdir(dirname(runFile))).toContain(lives ? 'end.shutdown' : 'end');
  });

  // It is given its whole time first.
  inFull('has its agents ended by the launcher when it is suspended', async () => {
    const agent = agentOf(home);
    const stack = await launch();
    await stack.kill('provider-runner/slot-0', 'SIGSTOP');
    const end = await stack.interrupt();
    expect(end).toMatchObject({ code: 1 });
    expect(end.ms).toBeLessThan(11_000);
    expect(await agent).toBe('SIGKILL');
    expect(stack.output).toContain('1 ended without its runner');
  });

  it('is not started again when it has nothing left to end', async () => {
    await writeFile(runFile, '{"phase":"closed"}');
    await misbehave('doomed');
    const stack = await launch();
    expect(await stack.interrupt()).toMatchObject({ code: 0 });
    expect(await runnerDid()).toEqual(['start']);
  });

  it('is not started again when its agents are to be kept', async () => {
    await misbehave('doomed');
    const stack = await launch({ args: ['--keep-agents'] });
    expect(await stack.interrupt()).toMatchObject({ code: 0 });
    expect(await runnerDid()).toEqual(['start']);
    expect(stack.output).not.toMatch(/ agents +(\d+ still|have ended)/);
  });
});
