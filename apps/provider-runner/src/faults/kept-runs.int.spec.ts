import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
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

it('an ended run that nobody can remove, as its agent made it too deep, costs neither its runner nor those that end after it', async () => {
  const inItsRun = (script: string) => ({ driver: 'process', command: [process.execPath, '-e', `process.chdir(path.dirname(process.env.ORBITMESH_MANIFEST)); ${script}`] });
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
