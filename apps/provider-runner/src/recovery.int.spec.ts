import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import { AppError } from '@orbitmesh/domain';
import { eventually, inFull, oneIn } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from './testing/runner-main.js';

const SHELL = (script: string) => ({ driver: 'process', command: ['/bin/sh', '-c', script] });
const NODE = (script: string) => ({ driver: 'process', command: [process.execPath, '-e', script] });
const lines = (count: number): string => Array.from({ length: count }, (_, n) => `line ${n + 1} €\n`).join('');

describe('a runner that dies, or whose neighbours do', () => {
  let world: RunnerWorld;

  beforeEach(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    world.providers({
      counter: SHELL('n=0; while [ $n -lt 300 ]; do n=$((n+1)); echo "line $n €"; sleep 0.01; done; read -r more; read -r input; echo "got $input"; exit 7'),
      burst: NODE('let n = 0; const t = setInterval(() => { for (let i = 0; i < 2000; i++) console.log(`line ${++n} €`); if (n >= 200000) clearInterval(t); }, 5);'),
      quick: SHELL('echo done; exit 4'),
      sleeper: SHELL(`trap '' TERM; echo up; sleep 300`),
      // Reads its input only once it may, and says what came, line by line: the prompt itself, and of long lines how long they are.
      late: NODE(`console.log('up'); const t = setInterval(() => { if (!require('fs').existsSync('go')) return; clearInterval(t);
        require('readline').createInterface({ input: process.stdin }).on('line', (line) => console.log('got ' + (line.length < 100 ? line : line.length))); }, 20)`),
      flood: NODE('const fs = require("fs"); const line = Buffer.from("0123456789abcde\\n".repeat(4096)); for (let i = 0; i < 800; i++) fs.writeSync(1, line);'),
    });
  });

  afterEach(async () => world.close());

  const input = (request: StartRun, inputId: string, text: string) => world.session.bus.request(RunnerRpc.input, { ...request, inputId, text }, { runnerId: 'slot-0' });
  const stop = (request: StartRun) => world.session.bus.request(RunnerRpc.stop, { ...request, reason: 'test' }, { runnerId: 'slot-0' });

  it('is killed while its agent works on, and the next one goes on without losing or doubling a line', async () => {
    await world.startRunner();
    const request = await world.start('counter');
    const kills = oneIn(2, [30, 90, 200]);
    for (const at of kills) {
      await eventually(() => world.session.output(request.runId).includes(`line ${at} €\n`));
      await world.killRunner();
      await world.startRunner();
    }
    await eventually(() => world.session.output(request.runId) === lines(300), { what: 'all lines' });
    await input(request, 'inp_1', 'hello');

    expect(await world.ended(request.runId)).toEqual({ type: 'run_ended', cause: 'exited', exitCode: 7, left: 0 });
    expect(world.session.output(request.runId)).toBe(`${lines(300)}got hello\n`);
    expect(world.session.factsOf(request.runId, 'run_started')).toHaveLength(1);
    expect(world.session.factsOf(request.runId, 'input_delivered')).toHaveLength(1);
  }, 40_000);

  inFull('is killed again and again at any moment of a burst, and every line arrives once', async () => {
    await world.startRunner();
    const request = await world.start('burst');
    for (let n = 0; n < 4; n += 1) {
      const before = world.session.output(request.runId).length;
      await eventually(() => world.session.output(request.runId).length > before || world.session.ended(request.runId));
      await world.killRunner();
      await world.startRunner();
    }

    expect(await world.ended(request.runId, 30_000)).toMatchObject({ cause: 'exited', exitCode: 0, left: 0 });
    expect(world.session.output(request.runId) === lines(200_000)).toBe(true);
  }, 60_000);

  it('finds out how an agent ended while nobody looked', async () => {
    await world.startRunner();
    const request = await world.start('counter');
    await eventually(() => world.session.output(request.runId).length > 0);
    await world.killRunner();
    const [agent] = [Number(readFileSync(join(world.dirOf(request.runId), 'pid'), 'utf8'))];
    process.kill(agent, 'SIGKILL');
    await eventually(() => readdirSync(world.dirOf(request.runId)).includes('exit'));

    await world.startRunner();

    expect(await world.ended(request.runId)).toMatchObject({ type: 'run_ended', cause: 'crashed', exitCode: 137, signal: 'SIGKILL', left: 0 });
    const written = readFileSync(join(world.dirOf(request.runId), 'out'), 'utf8');
    expect(world.session.output(request.runId)).toBe(written);
  });

  inFull('says crashed when agent and wrapper are both gone, and sweeps what is left of them', async () => {
    await world.startRunner();
    const request = await world.start('sleeper');
    await eventually(() => world.session.output(request.runId) === 'up\n');
    await world.killRunner();
    for (const name of ['wrapper', 'pid']) process.kill(Number(readFileSync(join(world.dirOf(request.runId), name), 'utf8')), 'SIGKILL');

    await world.startRunner();

    const end = await world.ended(request.runId);
    expect(end).toEqual({ type: 'run_ended', cause: 'crashed', left: 0 });
    expect(await world.left(request.runId)).toEqual([]);
  });

  inFull('sends facts again until they are acknowledged, also after a restart, each with the same number', async () => {
    await world.startRunner();
    world.session.acknowledging = false;
    const request = await world.start('quick');
    await eventually(() => world.session.batches.some(({ facts }) => facts.some(({ fact }) => fact.type === 'run_ended')));
    await world.killRunner();
    await world.startRunner();
    const before = world.session.batches.length;
    await eventually(() => world.session.batches.length > before + 1);
    world.session.acknowledging = true;

    await world.ended(request.runId);
    const said = new Map<number, string>();
    for (const { facts } of world.session.batches) {
      for (const { runSeq, fact, at } of facts) {
        expect(said.get(runSeq) ?? JSON.stringify({ fact, at })).toBe(JSON.stringify({ fact, at }));
        said.set(runSeq, JSON.stringify({ fact, at }));
      }
    }
    await eventually(() => world.readFile(world.dirOf(request.runId), 'run.json').includes('"phase": "closed"'));
    await eventually(() => world.session.heartbeats.at(-1)?.runs.length === 0);
  }, 30_000);

  it.each<[string, () => Promise<unknown>]>(oneIn(2, [
    ['is killed', () => world.killRunner()],
    ['leaves in order', () => world.stopRunner({ keepAgents: true })],
  ]))('hands input that its agent does not read, a line half written, to the next runner when it %s: it is completed and delivered once', async (_how, end) => {
    await world.startRunner();
    const request = await world.start('late');
    await eventually(() => world.session.output(request.runId) === 'up\n');
    // More than the FIFO holds: part of it is written, and the rest of the line never will be.
    for (const inputId of ['inp_1', 'inp_2']) await input(request, inputId, 'x'.repeat(100_000));
    await end();
    await world.startRunner();
    for (const inputId of ['inp_2', 'inp_1', 'inp_1']) await input(request, inputId, 'x'.repeat(100_000));
    writeFileSync(join(world.workingDir, 'go'), '');

    await eventually(() => world.session.factsOf(request.runId, 'input_delivered').length === 2, { what: 'both inputs to be delivered' });
    await eventually(() => world.session.output(request.runId).match(/got 100000\n/g)?.length === 2, { what: 'both lines, whole' });
    await stop(request);
    await world.ended(request.runId);
    expect(world.session.factsOf(request.runId, 'input_delivered').map(({ inputId }) => inputId).sort()).toEqual(['inp_1', 'inp_2']);
    // No half of a line, and none that is empty: the one that was begun was completed.
    expect(world.session.output(request.runId)).toBe('up\ngot the prompt\ngot 100000\ngot 100000\n');
    expect(world.session.factsOf(request.runId, 'input_failed')).toEqual([]);
  }, 40_000);

  // Each driver's conformance has it in short.
  inFull('gives an agent with turns an input once, however often it is said and whenever the runner is killed', async () => {
    await world.startRunner();
    const custom = { demo: { steps: 40, delayMs: 50, noPermission: true, noReport: true } };
    const request = await world.start('demo', { manifest: { mode: 'interactive', provider: { type: 'demo', model: null, permissionMode: 'allow', mcpServers: [], custom } } });
    const turns = () => world.session.factsOf(request.runId, 'turn_ended').length;
    await eventually(() => world.session.factsOf(request.runId, 'turn_started').length === 1, { timeoutMs: 20_000 });
    await input(request, 'inp_1', 'say held while a turn runs');
    await world.killRunner();
    await world.startRunner();
    await input(request, 'inp_1', 'say held while a turn runs');
    await eventually(() => turns() === 2, { what: 'the turn of the held input', timeoutMs: 20_000 });
    await input(request, 'inp_2', 'say begins a turn at once');
    await world.killRunner();
    await world.startRunner();
    for (const [inputId, text] of [['inp_1', 'say held while a turn runs'], ['inp_2', 'say begins a turn at once']]) await input(request, inputId, text);
    await eventually(() => turns() === 3, { what: 'the third turn', timeoutMs: 20_000 });

    await stop(request);
    await world.ended(request.runId);
    expect(world.session.factsOf(request.runId, 'input_delivered').map(({ inputId }) => inputId)).toEqual(['inp_1', 'inp_2']);
    expect(world.session.factsOf(request.runId, 'turn_started').map(({ inputId }) => inputId)).toEqual([undefined, 'inp_1', 'inp_2']);
    expect(world.session.output(request.runId, 'agent').match(/(held while|begins a turn).*\n/g)).toEqual(['held while a turn runs\n', 'begins a turn at once\n']);
  }, 90_000);

  inFull('does not suspend anything for ever: 50 MB written at once arrive whole, with others served meanwhile', async () => {
    await world.startRunner();
    const flood = await world.start('flood');
    const quick = await world.start('quick');
    await world.ended(quick.runId, 5_000);

    expect(await world.ended(flood.runId, 60_000)).toMatchObject({ cause: 'exited', exitCode: 0 });
    const output = world.session.output(flood.runId);
    expect(output.length).toBe(800 * 4096 * 16);
    expect(output.replaceAll('0123456789abcde\n', '')).toBe('');
  }, 90_000);

  inFull('goes on when NATS was away', async () => {
    await world.startRunner();
    const request = await world.start('counter');
    await eventually(() => world.session.output(request.runId).length > 0);
    await world.nats.kill();
    await eventually(() => readFileSync(join(world.dirOf(request.runId), 'out'), 'utf8').includes('line 200'));
    await world.nats.restart();

    await eventually(() => world.session.output(request.runId) === lines(300), { what: 'all lines', timeoutMs: 20_000 });
    await stop(request);
    await world.ended(request.runId);
  }, 40_000);

  it('ends all agents in a shutdown within its short graces, reports it, and leaves with 0', async () => {
    await world.startRunner();
    const requests = [await world.start('sleeper'), await world.start('sleeper'), await world.start('sleeper')];
    for (const { runId } of requests) await eventually(() => world.session.output(runId) === 'up\n');

    const begun = performance.now();
    expect(await world.stopRunner()).toBe(0);

    expect(performance.now() - begun).toBeLessThan(7_000);
    for (const { runId } of requests) {
      expect(world.session.ended(runId)).toMatchObject({ cause: 'shutdown', left: 0 });
      expect(await world.left(runId)).toEqual([]);
    }
  }, 20_000);

  it('ends an agent that it found again also when it is told to leave before it is ready', async () => {
    const slow = join(world.workingDir, 'slow');
    writeFileSync(slow, '#!/bin/sh\nexec sleep 300\n', { mode: 0o700 });
    world.providers({ sleeper: SHELL('echo up; sleep 300'), slow: { driver: 'claude-code', command: [slow] } });
    await world.startRunner();
    const request = await world.start('sleeper');
    await eventually(() => world.session.output(request.runId) === 'up\n');
    await world.killRunner();
    const attached = () => world.log.match(/agent attached/g)?.length ?? 0;
    const before = attached();
    const starting = world.startRunner().catch(() => undefined);
    await eventually(() => attached() > before);

    expect(await world.stopRunner()).toBe(0);

    await starting;
    expect(world.session.ended(request.runId)).toMatchObject({ cause: 'shutdown', left: 0 });
    expect(await world.left(request.runId)).toEqual([]);
  }, 20_000);

  it('leaves its agents when it is told to keep them, and goes on with them', async () => {
    await world.startRunner();
    const request = await world.start('sleeper');
    await eventually(() => world.session.output(request.runId) === 'up\n');

    expect(await world.stopRunner({ keepAgents: true })).toBe(0);
    expect((await world.left(request.runId)).length).toBeGreaterThan(0);
    expect(world.session.ended(request.runId)).toBeUndefined();
    await world.startRunner();
    await world.session.bus.request(RunnerRpc.kill, { ...request, reason: 'test' }, { runnerId: 'slot-0' });

    expect(await world.ended(request.runId)).toMatchObject({ cause: 'killed', left: 0 });
  }, 20_000);

  inFull('ends at once what session-service does not want it to hold, and what its facts are stale for', async () => {
    await world.startRunner();
    const unwanted = await world.start('sleeper');
    await eventually(() => world.session.output(unwanted.runId) === 'up\n');
    world.session.unwanted.add(unwanted.runId);
    await eventually(async () => (await world.left(unwanted.runId)).length === 0, { what: 'the end of the unwanted run' });
    await eventually(() => world.session.heartbeats.at(-1)?.runs.length === 0);
    expect(world.session.ended(unwanted.runId)).toBeUndefined();

    world.session.stale = true;
    const stale = await world.start('sleeper');
    await eventually(() => world.session.batches.some(({ runId }) => runId === stale.runId));
    await eventually(async () => (await world.left(stale.runId)).length === 0, { what: 'the end of the stale run' });
  }, 20_000);

  it('starts nothing, and keeps no trace, when its claim is refused', async () => {
    await world.startRunner();
    world.session.refuseClaims = new AppError('CONFLICT');
    const request = await world.start('sleeper');

    await eventually(() => world.session.claims.length === 1);
    await eventually(() => !readdirSync(join(world.home, 'provider-runner/slot-0/runs')).includes(request.runId));
    expect(await world.left(request.runId)).toEqual([]);
    expect(world.session.batches).toEqual([]);
  });
});
