import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { RunnerRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from '../testing/runner-main.js';

let world: RunnerWorld;
beforeEach(async () => { world = await RunnerWorld.create(RUNNER_MAIN); });
afterEach(async () => {
  await world.stopRunner();
  // By no name could it be removed.
  execFileSync('rm', ['-rf', join(world.home, 'provider-runner')]);
  await world.close();
});

const inItsRun = (script: string) => ({ driver: 'process', command: [process.execPath, '-e', `process.chdir(path.dirname(process.env.ORBITMESH_MANIFEST)); ${script}`] });

it.each([['stop', 'a link to itself', "fs.symlinkSync(dir, dir)"], ['kill', 'a file', "fs.writeFileSync(dir, '')"]] as const)('an agent is ended by a %s also where it has put %s in the place of its run', async (how, _what, replace) => {
  world.providers({ moves: inItsRun(`setTimeout(() => { const dir = process.cwd(); fs.renameSync(dir, dir + '.moved'); ${replace}; console.log('moved'); }, 200); setInterval(() => {}, 1000)`) });
  await world.startRunner();
  const { sessionId, runId, epoch } = await world.start('moves');
  await eventually(() => world.session.output(runId) === 'moved\n');

  await world.session.bus.request(RunnerRpc[how], { sessionId, runId, epoch, reason: 'test' }, { runnerId: 'slot-0' });

  expect(await world.ended(runId)).toMatchObject({ cause: how === 'stop' ? 'stopped' : 'killed', left: 0 });
  expect(await world.left(runId)).toEqual([]);
}, 30_000);

it('an ended run that nobody can remove, as its agent made it too deep, costs neither its runner nor those that end after it', async () => {
  world.providers({
    deep: inItsRun("for (let n = 0; n < 25; n += 1) { fs.mkdirSync('x'.repeat(200)); process.chdir('x'.repeat(200)); }"),
    huge: inItsRun("fs.writeFileSync('out.gz', ''); fs.truncateSync('out.gz', 3 * 1024 ** 3)"),
  });
  await world.startRunner();
  const ends = async (provider: string): Promise<string> => {
    const { runId } = await world.start(provider);
    expect(await world.ended(runId)).toMatchObject({ cause: 'exited', exitCode: 0 });
    return world.dirOf(runId);
  };
  const deep = await ends('deep');
  await eventually(() => world.readFile(deep, 'run.json').includes('"phase": "closed"'));
  // More than is kept of all together.
  const huge = await ends('huge');
  await eventually(() => world.log.includes('could not be removed'));
  await ends('deep');
  await eventually(() => !existsSync(huge));

  expect(existsSync(deep)).toBe(true);
  expect(await world.stopRunner()).toBe(0);
}, 30_000);
