import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { FaultyFs, fileSystemError } from '../testing/faulty-fs.js';
import { TestStores } from '../testing/test-store.js';
import { JournalFile } from './journal-file.js';

const stores = new TestStores();
afterEach(() => stores.clean());

describe('a journal file', () => {
  it('gives back what was appended, in order, 0600', async () => {
    const path = join(stores.dir(), 'facts');
    const journal = await JournalFile.open(path);
    await Promise.all(Array.from({ length: 100 }, (_, n) => journal.append({ n })));
    await journal.close();

    const again = await JournalFile.open(path);

    expect(again.records).toEqual(Array.from({ length: 100 }, (_, n) => ({ n })));
    expect(again.truncatedBytes).toBe(0);
    expect((statSync(path).mode & 0o777).toString(8)).toBe('600');
    await again.close();
  });

  it('shares one sync among concurrent appends', async () => {
    const fs = new FaultyFs();
    const journal = await JournalFile.open(join(stores.dir(), 'facts'), { fs });
    let syncs = 0;
    fs.fault = (operation) => void (syncs += Number(operation === 'sync'));

    await Promise.all(Array.from({ length: 100 }, (_, n) => journal.append({ n })));

    expect(syncs).toBeLessThanOrEqual(2);
    await journal.close();
  });

  it('cuts a torn end, counts it and goes on', async () => {
    const path = join(stores.dir(), 'facts');
    const first = await JournalFile.open(path);
    await first.append({ n: 1 });
    await first.close();
    appendFileSync(path, 'abcdef01 0 {"n":');

    const journal = await JournalFile.open(path);
    await journal.append({ n: 2 });
    await journal.close();

    expect(journal.truncatedBytes).toBe(16);
    const again = await JournalFile.open(path);
    expect(again.records).toEqual([{ n: 1 }, { n: 2 }]);
    await again.close();
  });

  it('leaves out a damaged record and says where it is', async () => {
    const path = join(stores.dir(), 'facts');
    const first = await JournalFile.open(path);
    for (const n of [1, 2, 3]) await first.append({ n });
    await first.close();
    writeFileSync(path, readFileSync(path, 'utf8').replace('"n":2', '"n":7'));

    const journal = await JournalFile.open(path);

    expect(journal.records).toEqual([{ n: 1 }, { n: 3 }]);
    expect(journal.damaged).toHaveLength(1);
    await journal.close();
  });

  it.each(['append', 'sync'] as const)('rejects when %s fails, and goes on from what is durable', async (failing) => {
    const fs = new FaultyFs();
    const path = join(stores.dir(), 'facts');
    const journal = await JournalFile.open(path, { fs });
    await journal.append({ n: 1 });
    fs.fault = (operation) => {
      if (operation === failing) throw fileSystemError('ENOSPC');
    };
    await expect(journal.append({ n: 2 })).rejects.toMatchObject({ code: 'STORAGE_FULL' });
    fs.fault = () => undefined;

    await journal.append({ n: 3 });
    await journal.close();

    const again = await JournalFile.open(path);
    expect(again.records).toEqual([{ n: 1 }, { n: 3 }]);
    await again.close();
    await expect(journal.append({ n: 4 })).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
  });
});
