import { chmod, cp, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { isId } from '@orbitmesh/domain';
import { nodeFs } from '@orbitmesh/storage';
import { loadInstallation } from './installation.js';

let home: string;
beforeEach(async () => { home = await mkdtemp(join(tmpdir(), 'om-home-')); });
afterEach(async () => { await rm(home, { recursive: true, force: true }); });

describe('loadInstallation', () => {
  it('makes one identity, however many come first together, and leaves no other file', async () => {
    const all = await Promise.all(Array.from({ length: 16 }, () => loadInstallation(join(home, 'new'))));

    expect(new Set(all.map((i) => i.installationId)).size).toBe(1);
    expect(isId(all[0].installationId)).toBe(true);
    expect(await readdir(join(home, 'new'))).toEqual(['installation.json']);
    expect(JSON.parse(await readFile(join(home, 'new', 'installation.json'), 'utf8'))).toEqual({ ...all[0] });
  });

  it('makes none where the home was that its launcher started, and was moved away', async () => {
    const place = nodeFs.identitySync!(home);
    const { installationId } = await loadInstallation(home, { place });
    const moved = `${home}-moved`;
    await rename(home, moved);

    await expect(loadInstallation(home, { place })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('moved') });
    await expect(stat(home)).rejects.toMatchObject({ code: 'ENOENT' });
    await cp(moved, home, { recursive: true });
    await expect(loadInstallation(home, { place })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await loadInstallation(moved, { place })).toMatchObject({ installationId });
    await rm(moved, { recursive: true });
  });

  it('makes none where everybody may write', async () => {
    await chmod(home, 0o777);
    await expect(loadInstallation(home)).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('chmod 700') });
    expect(await readdir(home)).toEqual([]);
  });

  it('keeps it', async () => {
    expect(await loadInstallation(home)).toEqual(await loadInstallation(home));
  });

  it('takes the one that it is given, where there is none, and refuses it where there is another', async () => {
    expect(await loadInstallation(home, { id: 'in_0123456789' })).toMatchObject({ installationId: 'in_0123456789' });
    expect(await loadInstallation(home)).toMatchObject({ installationId: 'in_0123456789' });

    await expect(loadInstallation(home, { id: 'in_other' })).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringContaining('in_0123456789') });
  });

  it.each(['', '{', 'null', '{"installationId":"a.b","createdAt":"x"}', 'x'.repeat(5_000)])('refuses a damaged file (%#) and leaves it as it is', async (text) => {
    await writeFile(join(home, 'installation.json'), text);

    await expect(loadInstallation(home)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    expect(await readFile(join(home, 'installation.json'), 'utf8')).toBe(text);
  });
});
