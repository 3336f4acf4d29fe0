import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreMark } from './store-mark.js';
import { eventually, putTask, TestStores } from './testing/test-store.js';

const stores = new TestStores();
const layout = { dir: 'store' };

describe('what a home remembers of a store', () => {
  let home: string;
  beforeEach(() => { home = stores.dir(); });
  afterEach(() => stores.clean());

  const dir = (): string => join(home, 'store');
  const file = (): string => join(home, 'store.store.json');
  const mark = (): StoreMark => new StoreMark({ home, layout });
  /** As a service opens it. */
  async function started(): Promise<{ lost: string | undefined; commit(): Promise<void>; stop(): Promise<void> }> {
    const known = mark();
    const store = await stores.open(dir());
    await known.follow(store);
    return {
      lost: known.lost?.text,
      commit: async () => { await store.commit({ puts: [putTask('task_1')] }); },
      stop: () => store.close(),
    };
  }

  it('is nothing before its first commit, so that a start of nothing is no loss', async () => {
    const one = await started();
    expect([one.lost, existsSync(file())]).toEqual([undefined, false]);
    await one.stop();
    expect((await started()).lost).toBeUndefined();
  });

  it.each<[string, () => void]>([
    ['removed', () => rmSync(dir(), { recursive: true })],
    ['an empty directory, as of a disk that is not mounted', () => { rmSync(dir(), { recursive: true }); mkdirSync(dir()); }],
    ['a link to where nothing is', () => { rmSync(dir(), { recursive: true }); symlinkSync(join(home, 'elsewhere'), dir()); }],
    ['what a start made of it, and nothing else', () => { for (const name of ['log', 'answers', 'tasks', 'checkpoint.json', 'store.json']) rmSync(join(dir(), name), { recursive: true, force: true }); mkdirSync(join(dir(), 'log')); writeFileSync(join(dir(), 'agent-token.key'), 'k'); }],
  ])('is enough to see that it is gone: %s', async (_what, harm) => {
    const first = await started();
    await first.commit();
    await eventually(() => existsSync(file()));
    await first.stop();
    expect(mark().lost).toBeUndefined();
    harm();

    expect(mark().lost).toEqual({ text: expect.stringMatching(/^is gone, or empty: this home has had one since 20/), mark: 'store.store.json' });
  });

  it('is written for a store of an earlier version, and not lost by being damaged', async () => {
    const store = await stores.open(dir());
    await store.commit({ puts: [putTask('task_1')] });
    await store.close();
    await (await started()).stop();
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ madeAt: expect.any(String) });

    writeFileSync(file(), '{');
    expect(mark().lost).toBeUndefined();
    rmSync(dir(), { recursive: true });
    expect(mark().lost?.text).toBe('is gone, or empty: this home has had one');
  });

  it('says at each start that a store was begun anew, until somebody has removed it', async () => {
    const first = await started();
    await first.commit();
    await first.stop();
    rmSync(dir(), { recursive: true });
    const second = await started();
    await second.commit();
    await second.stop();
    expect(second.lost).toMatch(/was gone, and begun anew at 20/);
    const third = await started();
    await third.stop();
    expect(third.lost).toBe(second.lost);

    rmSync(file());
    expect((await started()).lost).toBeUndefined();
  });

  it('says no more that a store was begun anew once the one that was lost is back', async () => {
    const aside = join(home, 'aside');
    const first = await started();
    await first.commit();
    await first.stop();
    renameSync(dir(), aside);
    const second = await started();
    await second.commit();
    await second.stop();
    cpSync(dir(), join(home, 'copy'), { recursive: true, filter: (path) => !path.endsWith('.sock') });
    rmSync(dir(), { recursive: true });
    renameSync(join(home, 'copy'), dir());
    expect(mark().lost?.text).toMatch(/begun anew/);

    rmSync(dir(), { recursive: true });
    renameSync(aside, dir());

    expect(mark().lost).toBeUndefined();
    await (await started()).stop();
    expect(JSON.parse(readFileSync(file(), 'utf8'))).toEqual({ madeAt: expect.any(String) });
    rmSync(dir(), { recursive: true });
    expect(mark().lost?.text).toMatch(/^is gone/);
  });
});
