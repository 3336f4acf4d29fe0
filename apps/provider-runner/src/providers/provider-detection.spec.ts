import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { ProviderEntry } from '@orbitmesh/domain';
import { ProviderDetection } from './provider-detection.js';
import type { ProvidersFile } from './providers-file.js';

let dir: string;
beforeEach(async () => { dir = await mkdtemp(join(tmpdir(), 'om-detect-')); });
afterEach(() => rm(dir, { recursive: true, force: true }));

it('goes on telling the version that a program said, when it says none this time, and no more once it is another entry', async () => {
  const program = join(dir, 'agent');
  const says = async (script: string): Promise<void> => {
    await writeFile(program, `#!/bin/sh\n${script}\n`);
    await chmod(program, 0o700);
  };
  let entry: ProviderEntry = { driver: 'acp', command: [program], custom: { acp: { versionArgs: ['--version'] } } };
  const file = { list: () => [{ name: 'agent', entry }], refresh: () => false, problem: null } as unknown as ProvidersFile;
  const detection = new ProviderDetection(file, true, () => undefined, () => undefined);
  const looked = async (): Promise<string | null> => {
    await detection.start();
    detection.stop();
    return detection.present[0].version;
  };

  await says('echo 1.2.3');
  expect(await looked()).toBe('1.2.3');
  await says('exit 1');
  expect(await looked()).toBe('1.2.3');
  await says('echo 1.2.4');
  expect(await looked()).toBe('1.2.4');
  await says('exit 1');
  entry = { ...entry, env: { A: '1' } };
  expect(await looked()).toBeNull();
});
