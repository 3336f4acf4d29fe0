import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { assertId, isId } from '@orbitmesh/domain';
import { isOwnTemporary, TEMPORARY_NAME } from '@orbitmesh/storage';
import { compressedPath } from '../files/compress-file.js';
import { ENDED_RUNS_BYTES_MAX, ENDED_RUNS_MAX } from '../limits.js';
import { runFiles, type RunFiles } from '../run/run-files.js';

/** `slot-<n>/runs/`: one directory a run, kept after its end for the raw frames, within a bound. */
export class RunDirectory {
  /** By directory, as they ended. */
  private readonly ended = new Map<string, { files: RunFiles; bytes: number }>();
  private bytes = 0;

  constructor(private readonly dir: string) {}

  /** @throws VALIDATION_FAILED when the id could leave the directory; EEXIST when there is such a run */
  create(runId: string): RunFiles {
    assertId(runId, 'runId');
    mkdirSync(join(this.dir, runId), { mode: 0o700 });
    return runFiles(join(this.dir, runId));
  }

  /** All that there are, the one whose record changed last at the end, without what a runner that was killed while it wrote has left in them. */
  list(): RunFiles[] {
    const all = readdirSync(this.dir, { withFileTypes: true }).filter((entry) => entry.isDirectory() && isId(entry.name)).map(({ name }) => runFiles(join(this.dir, name)));
    return all.map((files) => ({ files, at: sweptAt(files) })).sort((a, b) => a.at - b.at).map(({ files }) => files);
  }

  remove(files: RunFiles): void {
    rmSync(files.dir, { recursive: true, force: true });
  }

  /**
   * A run that has ended: it is kept, the newest of all, and the oldest go until what is kept is within the bounds.
   * @throws what kept one of them from being removed; it is tried again by the next runner
   */
  keep(files: RunFiles): void {
    this.measure(files);
    for (const oldest of this.ended.values()) {
      if (this.ended.size <= ENDED_RUNS_MAX && this.bytes <= ENDED_RUNS_BYTES_MAX) return;
      this.ended.delete(oldest.files.dir);
      this.bytes -= oldest.bytes;
      this.remove(oldest.files);
    }
  }

  /** Its files have become smaller. */
  compressed(files: RunFiles): void {
    if (this.ended.has(files.dir)) this.measure(files);
  }

  private measure(files: RunFiles): void {
    const bytes = bytesOf(files);
    this.bytes += bytes - (this.ended.get(files.dir)?.bytes ?? 0);
    this.ended.set(files.dir, { files, bytes });
  }
}

function sweep(dir: string): void {
  const left = readdirSync(dir).filter((name) => TEMPORARY_NAME.test(name) && !isOwnTemporary(name));
  for (const name of left) rmSync(join(dir, name), { force: true });
}

function bytesOf(files: RunFiles): number {
  const paths = [files.stdout, files.stderr].flatMap((path) => [path, compressedPath(path)]);
  return paths.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);
}

/** When its record changed last. What an agent has made of its own directory is found by whoever recovers that run, and hurts no other. */
function sweptAt(files: RunFiles): number {
  try {
    sweep(files.dir);
    return statSync(files.record, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  } catch {
    return 0;
  }
}
