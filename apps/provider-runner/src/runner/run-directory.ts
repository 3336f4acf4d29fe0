import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { assertId, isId } from '@orbitmesh/domain';
import { isOwnTemporary, TEMPORARY_NAME } from '@orbitmesh/storage';
import { compressedPath } from '../files/compress-file.js';
import { ENDED_RUNS_BYTES_MAX, ENDED_RUNS_MAX } from '../limits.js';
import { runFiles, type RunFiles } from '../run/run-files.js';

/** `slot-<n>/runs/`: one directory a run, kept after its end for the raw frames, within a bound. */
export class RunDirectory {
  constructor(private readonly dir: string) {}

  /** @throws VALIDATION_FAILED when the id could leave the directory; EEXIST when there is such a run */
  create(runId: string): RunFiles {
    assertId(runId, 'runId');
    mkdirSync(join(this.dir, runId), { mode: 0o700 });
    return runFiles(join(this.dir, runId));
  }

  /** All that there are, without what a runner that was killed while it wrote has left in them. */
  list(): RunFiles[] {
    const all = readdirSync(this.dir).filter(isId).map((runId) => runFiles(join(this.dir, runId)));
    for (const { dir } of all) sweep(dir);
    return all;
  }

  remove(files: RunFiles): void {
    rmSync(files.dir, { recursive: true, force: true });
  }

  /** Removes the oldest of these ended runs, until what is kept is within the bounds. @returns those that are kept */
  prune(ended: RunFiles[]): RunFiles[] {
    const byAge = ended.map((files) => ({ files, ...sizeOf(files) })).sort((a, b) => b.endedAt - a.endedAt);
    const kept: RunFiles[] = [];
    let bytes = 0;
    for (const run of byAge) {
      bytes += run.bytes;
      if (kept.length < ENDED_RUNS_MAX && bytes <= ENDED_RUNS_BYTES_MAX) kept.push(run.files);
      else this.remove(run.files);
    }
    return kept;
  }
}

function sweep(dir: string): void {
  const left = readdirSync(dir).filter((name) => TEMPORARY_NAME.test(name) && !isOwnTemporary(name));
  for (const name of left) rmSync(join(dir, name), { force: true });
}

function sizeOf(files: RunFiles): { bytes: number; endedAt: number } {
  const paths = [files.stdout, files.stderr].flatMap((path) => [path, compressedPath(path)]);
  const bytes = paths.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
  return { bytes, endedAt: statSync(files.record, { throwIfNoEntry: false })?.mtimeMs ?? 0 };
}
