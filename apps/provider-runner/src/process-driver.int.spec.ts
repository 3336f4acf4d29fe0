import { readdirSync, statSync } from 'node:fs';
import { getPriority } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunnerRpc } from '@orbitmesh/contracts';
import { eventually, inFull } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { AGENT_NICENESS } from './limits.js';
import { RUNNER_MAIN } from './testing/runner-main.js';

const SHELL = (script: string) => ({ driver: 'process', command: ['/bin/sh', '-c', script] });

describe('a runner with the process driver', () => {
  let world: RunnerWorld;

  beforeAll(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    world.providers({
      'exit-3': SHELL('echo hello; echo trouble >&2; exit 3'),
      environment: SHELL('env; umask; pwd; read -r line; echo "read: $line"; orbitmesh_path=$(command -v orbitmesh); echo "cli: $orbitmesh_path"'),
      'signalled': SHELL('kill -SEGV $$'),
      stubborn: SHELL(`trap '' TERM INT HUP; (setsid sh -c 'trap "" TERM; (setsid sleep 300 &) ; sleep 300' &) ; echo up; while :; do sleep 1; done`),
      leaver: SHELL(`(setsid sh -c '(sleep 300 &); sleep 300' &); sleep 0.1; echo bye`),
      deaf: SHELL('echo deaf; sleep 300'),
      cat: SHELL('cat'),
      missing: { driver: 'process', command: ['/nowhere/agent'] },
      freezable: { ...SHELL('n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done'), custom: { freeze: true } },
    });
    await world.startRunner({ A_SECRET: 'hunter2-hunter2', NOT_INHERITED: 'x' });
  });

  afterAll(async () => world.close());

  it('says output, stderr and the exit code of a command that fails', async () => {
    const { runId } = await world.start('exit-3');

    expect(await world.ended(runId)).toEqual({ type: 'run_ended', cause: 'exited', exitCode: 3, left: 0 });
    expect(world.session.output(runId)).toBe('hello\n');
    expect(world.session.output(runId, 'stderr')).toBe('trouble\n');
    expect(world.session.factsOf(runId, 'run_started')).toHaveLength(1);
    expect(world.readFile(world.dirOf(runId), 'exit')).toBe('3  \n');
    expect(await world.left(runId)).toEqual([]);
  });

  it('lets services have the processor before the agent', async () => {
    const request = await world.start('deaf');
    await eventually(() => world.session.factsOf(request.runId, 'run_started').length === 1);

    expect(getPriority(Number(world.readFile(world.dirOf(request.runId), 'pid')))).toBe(AGENT_NICENESS);
    await world.session.bus.request(RunnerRpc.kill, { ...request, reason: 'test' }, { runnerId: 'slot-0' });
    await world.ended(request.runId);
  });

  it('says the signal that an agent died of as a crash', async () => {
    const { runId } = await world.start('signalled');

    expect(await world.ended(runId)).toMatchObject({ type: 'run_ended', cause: 'crashed', signal: 'SIGSEGV', left: 0 });
  });

  it('gives the agent prompt, environment, directory and its user\'s umask, and keeps secrets to itself', async () => {
    const { runId } = await world.start('environment', {
      manifest: { environment: { COLOUR: 'blue' }, secrets: { API_KEY: 'env:A_SECRET' }, prompt: 'do it', tasks: [] },
    });

    await world.ended(runId);
    const output = world.session.output(runId);
    expect(output).toContain('COLOUR=blue\n');
    expect(output).toContain(`ORBITMESH_RUN_ID=${runId}\n`);
    expect(output).toContain(`ORBITMESH_MANIFEST=${world.dirOf(runId)}/manifest.json\n`);
    expect(output).toContain('API_KEY=[redacted]\n');
    expect(output).toContain('ORBITMESH_TOKEN=[redacted]\n');
    expect(output).toContain(`\n0022\n${world.workingDir}\nread: do it\n`);
    expect(output).toContain(`cli: ${world.dirOf(runId)}/bin/orbitmesh\n`);
    expect(output).not.toContain('NOT_INHERITED');
    for (const name of ['run.json', 'manifest.json', 'facts/1.log']) {
      const text = world.readFile(world.dirOf(runId), name);
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain('tokentoken');
    }
    expect(world.log).not.toContain('hunter2');
  });

  it('keeps every file of a run for its owner alone', async () => {
    const { runId } = await world.start('exit-3');
    await world.ended(runId);
    // Its record says `closed` a moment after its end is told.
    await eventually(() => (JSON.parse(world.readFile(world.dirOf(runId), 'run.json')) as { phase: string }).phase === 'closed', { what: 'a closed run' });

    const modes = (dir: string): [string, string][] => readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
      const path = join(dir, entry.name);
      const mode: [string, string] = [path.slice(world.dirOf(runId).length + 1), (statSync(path).mode & 0o7777).toString(8)];
      return entry.isDirectory() ? [mode, ...modes(path)] : [mode];
    });
    expect(Object.fromEntries(modes(world.dirOf(runId)))).toEqual({
      'run.json': '600', 'manifest.json': '600', in: '600', out: '600', err: '600', exit: '600', end: '600', pid: '600', wrapper: '600', hold: '600',
      facts: '700', 'facts/1.log': '600', bin: '700', 'bin/orbitmesh': '700',
    });
    expect(statSync(world.dirOf(runId)).mode & 0o777).toBe(0o700);
  });

  it('stops an agent that ignores SIGTERM with all its set-sid grandchildren, and leaves nothing', async () => {
    const request = await world.start('stubborn');
    await eventually(() => world.session.output(request.runId) === 'up\n');
    await eventually(async () => (await world.left(request.runId)).length >= 5, { what: 'all of its processes' });

    await world.session.bus.request(RunnerRpc.kill, { ...request, reason: 'test' }, { runnerId: 'slot-0' });

    expect(await world.ended(request.runId)).toMatchObject({ cause: 'killed', signal: 'SIGKILL', left: 0 });
    expect(await world.left(request.runId)).toEqual([]);
  });

  inFull('goes through all graces of a stop, and ends in order what takes the hint', async () => {
    const stubborn = await world.start('stubborn');
    const cat = await world.start('cat');
    await eventually(() => world.session.output(stubborn.runId) === 'up\n' && world.session.output(cat.runId) === 'the prompt\n');

    const begun = performance.now();
    for (const request of [stubborn, cat]) await world.session.bus.request(RunnerRpc.stop, { ...request, reason: 'test' }, { runnerId: 'slot-0' });

    expect(await world.ended(cat.runId)).toEqual({ type: 'run_ended', cause: 'stopped', exitCode: 0, left: 0 });
    expect(performance.now() - begun).toBeLessThan(4_000);
    expect(await world.ended(stubborn.runId)).toMatchObject({ cause: 'stopped', left: 0 });
    expect(performance.now() - begun).toBeGreaterThan(9_000);
    expect(await world.left(stubborn.runId)).toEqual([]);
  }, 30_000);

  it('sweeps what an agent that ended by itself has left behind', async () => {
    const { runId } = await world.start('leaver');

    expect(await world.ended(runId)).toEqual({ type: 'run_ended', cause: 'exited', exitCode: 0, left: 0 });
    expect(world.session.output(runId)).toBe('bye\n');
    expect(await world.left(runId)).toEqual([]);
  });

  it('is not held up by an agent that never reads 10 MB of input, and says what could not be delivered', async () => {
    const deaf = await world.start('deaf');
    const cat = await world.start('cat');
    await eventually(() => world.session.output(deaf.runId) === 'deaf\n');

    const text = 'x'.repeat(250_000);
    await Promise.all(Array.from({ length: 40 }, (_, n) => world.session.bus.request(RunnerRpc.input, { ...deaf, inputId: `inp_${n}`, text }, { runnerId: 'slot-0' })));
    const asked = performance.now();
    await world.session.bus.request(RunnerRpc.input, { ...cat, inputId: 'inp_cat', text: 'ping' }, { runnerId: 'slot-0' });
    await eventually(() => world.session.output(cat.runId).endsWith('ping\n'));

    expect(performance.now() - asked).toBeLessThan(2_000);
    expect(world.session.factsOf(cat.runId, 'input_delivered')).toEqual([{ type: 'input_delivered', inputId: 'inp_cat' }]);
    await eventually(() => world.session.factsOf(deaf.runId, 'input_failed').length >= 37, { what: 'refused inputs' });
    for (const request of [deaf, cat]) await world.session.bus.request(RunnerRpc.kill, { ...request, reason: 'test' }, { runnerId: 'slot-0' });
    await world.ended(deaf.runId);
    await world.ended(cat.runId);
    expect(world.session.factsOf(deaf.runId, 'input_failed')).toHaveLength(40);
  }, 30_000);

  it('delivers an input once, however often it is sent', async () => {
    const request = await world.start('cat', { manifest: { prompt: 'first' } });
    await eventually(() => world.session.output(request.runId) === 'first\n');

    for (let n = 0; n < 5; n += 1) await world.session.bus.request(RunnerRpc.input, { ...request, inputId: 'inp_same', text: 'again' }, { runnerId: 'slot-0' });
    await world.session.bus.request(RunnerRpc.stop, { ...request, reason: 'test' }, { runnerId: 'slot-0' });

    await world.ended(request.runId);
    expect(world.session.output(request.runId)).toBe('first\nagain\n');
  });

  it('suspends and resumes an agent that may be frozen', async () => {
    const request = await world.start('freezable');
    await eventually(() => world.session.output(request.runId).length > 0);

    await world.session.bus.request(RunnerRpc.pause, request, { runnerId: 'slot-0' });
    await eventually(() => world.session.factsOf(request.runId, 'paused').length === 1);
    const before = statSync(join(world.dirOf(request.runId), 'out')).size;
    await eventually(() => world.session.heartbeats.at(-1)?.runs.some((run) => run.runId === request.runId && run.state === 'paused'));
    expect(statSync(join(world.dirOf(request.runId), 'out')).size).toBe(before);
    await world.session.bus.request(RunnerRpc.resume, request, { runnerId: 'slot-0' });
    await eventually(() => statSync(join(world.dirOf(request.runId), 'out')).size > before);
    await world.session.bus.request(RunnerRpc.kill, { ...request, reason: 'test' }, { runnerId: 'slot-0' });

    expect(await world.ended(request.runId)).toMatchObject({ cause: 'killed', left: 0 });
  });

  it.each([
    ['a provider that is not configured', 'nobody', {}],
    ['a command that is not there', 'missing', {}],
    ['a secret that cannot be resolved', 'cat', { secrets: { KEY: 'env:NO_SUCH_VARIABLE' } }],
  ])('fails the start for %s, and starts nothing', async (_what, provider, manifest) => {
    const { runId } = await world.start(provider, { manifest });

    expect(await world.ended(runId)).toMatchObject({ type: 'start_failed', code: 'config_invalid' });
    expect(await world.left(runId)).toEqual([]);
  });

  it.each(['/nowhere', '/'])('refuses the start in the directory %s, so that it goes to another runner', async (workingDir) => {
    await expect(world.start('cat', { manifest: { workingDir } })).rejects.toMatchObject({ code: 'WORKING_DIR_INVALID' });
  });

  it('takes a repeated start as the same start, and answers commands for unknown runs with RUN_NOT_FOUND', async () => {
    const request = await world.start('cat');
    await world.session.bus.request(RunnerRpc.start, request, { runnerId: 'slot-0' });
    await eventually(() => world.session.factsOf(request.runId, 'run_started').length === 1);

    await expect(world.session.bus.request(RunnerRpc.stop, { ...request, epoch: 2, reason: '' }, { runnerId: 'slot-0' })).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await expect(world.session.bus.request(RunnerRpc.interrupt, request, { runnerId: 'slot-0' })).rejects.toMatchObject({ code: 'NOT_SUPPORTED' });
    await world.session.bus.request(RunnerRpc.stop, { ...request, reason: '' }, { runnerId: 'slot-0' });
    await world.ended(request.runId);
    expect(world.session.factsOf(request.runId, 'run_started')).toHaveLength(1);
  });
});
