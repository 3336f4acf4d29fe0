import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
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
});
