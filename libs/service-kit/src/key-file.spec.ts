import { chmod, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { loadKeyFile } from './key-file.js';

let dir: string;
beforeEach(async () => { dir = await mkdtemp(join(tmpdir(), 'om-key-')); });
afterEach(() => rm(dir, { recursive: true, force: true }));

describe('a key file', () => {
  it('is made once, for its owner alone, and is the same ever after', async () => {
    const file = join(dir, 'a.key');

    const first = await loadKeyFile(file, 'nothing');

    expect(first.length).toBe(32);
    expect(await loadKeyFile(file, 'nothing')).toEqual(first);
    expect(await readFile(file)).toEqual(first);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await loadKeyFile(join(dir, 'b.key'), 'nothing')).not.toEqual(first);
  });

  it.each([0, 31, 33])('of %i bytes is damaged: no new one is made up', async (length) => {
    const file = join(dir, 'a.key');
    await writeFile(file, Buffer.alloc(length), { mode: 0o600 });

    await expect(loadKeyFile(file, 'the agents lose their access')).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('the agents lose their access') });
    expect((await stat(file)).size).toBe(length);
  });

  it('is refused when it is a link to one, or open to others', async () => {
    const file = join(dir, 'a.key');
    await loadKeyFile(file, 'nothing');
    await symlink(file, join(dir, 'link.key'));
    await expect(loadKeyFile(join(dir, 'link.key'), 'nothing')).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('is a link') });
    await chmod(file, 0o640);
    await expect(loadKeyFile(file, 'nothing')).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('mode 640') });
  });
});
