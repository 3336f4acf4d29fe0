import { expect, it } from '@jest/globals';
import { nodeFs } from '../fs/node-fs.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { Directories } from './directories.js';

/** A directory whose fsyncs end, or fail, when the test says so. */
function directories(): { dirs: Directories; begun: { end: () => void; fail: (error: Error) => void }[] } {
  const begun: { end: () => void; fail: (error: Error) => void }[] = [];
  const fs: StorageFs = { ...nodeFs, syncDir: () => new Promise((end, fail) => { begun.push({ end, fail }); }) };
  return { dirs: new Directories(fs, '/root'), begun };
}

const turn = () => new Promise(setImmediate);
/** At work in the root until it is told that it is done. */
function worker(dirs: Directories): () => void {
  let done = (): void => undefined;
  void dirs.use('/root', () => new Promise<void>((resolve) => { done = resolve; }));
  return () => done();
}

it('one fsync does for all who are at work in a directory: it waits until the last of them is done', async () => {
  const { dirs, begun } = directories();
  const ends = [worker(dirs), worker(dirs)];
  await turn();
  const synced = [dirs.sync('/root'), dirs.sync('/root')];
  ends[0]();
  await turn();
  expect(begun).toHaveLength(0);

  ends[1]();
  await turn();
  expect(begun).toHaveLength(1);
  begun[0].end();
  await Promise.all(synced);
});

it('who asks while an fsync runs gets one that begins afterwards, also when that one fails', async () => {
  const { dirs, begun } = directories();
  const first = dirs.sync('/root');
  const second = [dirs.sync('/root'), dirs.sync('/root')];
  expect(begun).toHaveLength(1);
  begun[0].fail(new Error('EIO'));
  await expect(first).rejects.toThrow('EIO');
  await turn();

  expect(begun).toHaveLength(2);
  begun[1].end();
  await Promise.all(second);
});

it('work that fails holds up nobody', async () => {
  const { dirs, begun } = directories();
  const failed = dirs.use('/root', () => Promise.reject(new Error('EIO')));
  const synced = dirs.sync('/root');
  await expect(failed).rejects.toThrow('EIO');
  await turn();
  begun[0].end();
  await synced;
});
