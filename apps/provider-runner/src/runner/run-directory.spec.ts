import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ENDED_RUNS_BYTES_MAX, ENDED_RUNS_MAX } from '../limits.js';
import type { RunFiles } from '../run/run-files.js';
import { RunDirectory } from './run-directory.js';

describe('the directories of runs', () => {
  let dir: string;
  beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'om-runs-')); });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it('are found without what a runner that was killed while it wrote has left in them', () => {
    const runs = new RunDirectory(dir);
    const { dir: run } = runs.create('run_1');
    for (const name of ['run.json', 'notes.tmp', '.run.json.1.2.om-tmp']) writeFileSync(join(run, name), '{}');

    expect(runs.list().map((files) => files.dir)).toEqual([run]);

    expect(readdirSync(run).sort()).toEqual(['notes.tmp', 'run.json']);
  });

  it('are found also where something else is beside them, or in the place of their files', () => {
    const runs = new RunDirectory(dir);
    const [looped, good] = [runs.create('run_looped'), runs.create('run_good')];
    writeFileSync(good.record, '{}');
    symlinkSync(looped.record, looped.record);
    writeFileSync(join(dir, 'core'), '');
    symlinkSync(good.dir, join(dir, 'run_link'));

    expect(runs.list().map((files) => files.dir)).toEqual([looped.dir, good.dir]);
  });

  it('are kept once their runs have ended, the newest ones, within bounds of their number and of their bytes', () => {
    const runs = new RunDirectory(dir);
    const ended = Array.from({ length: ENDED_RUNS_MAX + 2 }, (_, n) => runs.create(`run_${n}`));
    for (const files of ended) runs.keep(files);
    expect(readdirSync(dir)).toHaveLength(ENDED_RUNS_MAX);
    expect([existsSync(ended[1].dir), existsSync(ended[2].dir)]).toEqual([false, true]);

    const large = (name: string, bytes: number): RunFiles => {
      const files = runs.create(name);
      writeFileSync(files.stdout, '');
      truncateSync(files.stdout, bytes);
      return files;
    };
    const [first, second] = [large('run_large', ENDED_RUNS_BYTES_MAX - 10), large('run_more', 20)];
    runs.keep(first);
    truncateSync(first.stdout, 10);
    runs.compressed(first);
    runs.keep(second);
    expect(readdirSync(dir)).toHaveLength(ENDED_RUNS_MAX);

    runs.keep(large('run_too_much', ENDED_RUNS_BYTES_MAX - 25));
    expect(readdirSync(dir).sort()).toEqual(['run_more', 'run_too_much']);
  });
});
