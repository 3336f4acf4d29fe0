import { lstatSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { FaultyFs, fileSystemError, type FaultyOperation } from '../testing/faulty-fs.js';
import { TestStores } from '../testing/test-store.js';
import { writeFileAtomic } from './write-file-atomic.js';

const stores = new TestStores();
afterEach(() => stores.clean());

describe('an atomic write', () => {
  it('replaces the file as a whole, 0600 or as told, and leaves nothing beside it', async () => {
    const dir = stores.dir();
    await writeFileAtomic(join(dir, 'a'), 'one');
    await writeFileAtomic(join(dir, 'a'), Buffer.from('zwölf'));
    await writeFileAtomic(join(dir, 'run'), '#!/bin/sh\n', { mode: 0o700 });

    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('zwölf');
    expect([join(dir, 'a'), join(dir, 'run')].map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(['600', '700']);
    expect(readdirSync(dir).sort()).toEqual(['a', 'run']);
  });

  it('replaces a link instead of following it', async () => {
    const dir = stores.dir();
    writeFileSync(join(dir, 'target'), 'untouched');
    symlinkSync(join(dir, 'target'), join(dir, 'link'));

    await writeFileAtomic(join(dir, 'link'), 'new');

    expect(readFileSync(join(dir, 'target'), 'utf8')).toBe('untouched');
    expect(lstatSync(join(dir, 'link')).isSymbolicLink()).toBe(false);
  });

  it.each(['open', 'append', 'sync', 'rename'] as const)('that fails at %s leaves the old file and nothing else', async (failing) => {
    const dir = stores.dir();
    const fs = new FaultyFs();
    await writeFileAtomic(join(dir, 'a'), 'old', { fs });
    fs.fault = (operation) => {
      if (operation === failing) throw fileSystemError('ENOSPC');
    };

    await expect(writeFileAtomic(join(dir, 'a'), 'new', { fs })).rejects.toMatchObject({ code: 'ENOSPC' });

    expect(readFileSync(join(dir, 'a'), 'utf8')).toBe('old');
    expect(readdirSync(dir)).toEqual(['a']);
  });

  it('does all of it in the one order that survives a power cut', async () => {
    const dir = stores.dir();
    const fs = new FaultyFs();
    const done: FaultyOperation[] = [];
    fs.fault = (operation) => void done.push(operation);

    await writeFileAtomic(join(dir, 'a'), 'new', { fs });

    expect(done).toEqual(['open', 'append', 'sync', 'rename', 'syncDir']);
  });

  it('of a file that the writes have not made whole is refused', async () => {
    const dir = stores.dir();
    const fs = new FaultyFs();
    const { open } = fs;
    fs.open = async (...args) => {
      const file = await open.apply(fs, args);
      // What was seen on a nearly full disk: fewer bytes than were claimed.
      return { ...file, append: async (bytes) => (await file.append(bytes.subarray(0, 2)), bytes.length) };
    };

    await expect(writeFileAtomic(join(dir, 'a'), 'abcdef', { fs })).rejects.toThrow('2 bytes instead of 6');

    expect(readdirSync(dir)).toEqual([]);
  });
});
