import { appendFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { WATCH_EVENTS_MAX } from '../limits.js';
import { tempDir } from '../testing/temp-dir.js';
import { DirectoryWatch } from './directory-watch.js';

describe('the watch on the files of a run', () => {
  let dir: ReturnType<typeof tempDir>;
  let watched: boolean[];
  let heard: string[];
  let watch: DirectoryWatch;
  beforeEach(() => {
    dir = tempDir();
    [watched, heard] = [[], []];
    watch = new DirectoryWatch({ dir: dir.path, onFile: (name) => heard.push(name), onWatched: (on) => watched.push(on) });
  });
  afterEach(() => {
    watch.close();
    dir.remove();
  });

  it('rests from a storm of writes, whose events are heard no more, and comes back', async () => {
    const write = (): void => { for (let n = 0; n < 500; n += 1) appendFileSync(join(dir.path, n % 2 ? 'out' : 'err'), 'x'); };
    await eventually(() => {
      write();
      return watched.includes(false);
    }, { what: 'the rest' });
    const before = heard.length;
    expect(before).toBeGreaterThanOrEqual(WATCH_EVENTS_MAX);
    write();

    await eventually(() => watched.length === 3, { what: 'the return' });

    expect(watched).toEqual([true, false, true]);
    expect(heard).toHaveLength(before);
    writeFileSync(join(dir.path, 'exit'), '0\n');
    await eventually(() => heard.includes('exit'));
  });

  it.each([['that is gone', () => undefined], ['in whose place is a link to itself', (path: string) => symlinkSync(path, path)]])('says nothing any more once it is closed, and breaks on no directory %s', async (_what, replace) => {
    watch.close();
    rmSync(dir.path, { recursive: true });
    replace(dir.path);
    const gone = new DirectoryWatch({ dir: dir.path, onFile: (name) => heard.push(name), onWatched: (on) => watched.push(on) });
    gone.close();

    expect([watched, heard]).toEqual([[true, false], []]);
  });
});
