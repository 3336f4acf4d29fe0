import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { placeOf } from '@orbitmesh/storage';
import { openRunDirs } from './open-run-dirs.js';

/** In the environment of everything a run starts; what carries it belongs to the run (design §7). */
export const RUN_MARKER = 'ORBITMESH_RUN_ID';
/** Beside it: `<home>/provider-runner/<slot>/runs/<runId>/manifest.json`, as it was called then. */
export const MANIFEST_VARIABLE = 'ORBITMESH_MANIFEST';
const MANIFEST_PATH = /^(.+)\/provider-runner\/(slot-\d+)\/runs\/[^/]+\/manifest\.json$/;

/** What a process says that it belongs to. */
export interface RunMark {
  runId: string;
  /** Of this home. Undefined where it names none, or not by the name it has now. */
  slot: string | undefined;
}

/**
 * Reads marks as this home sees them: a copy of a home has the same runs in it, and what belongs to those of the
 * other is none of ours (ADR-0023). What names another home may be ours all the same, which was called so: if its run
 * was begun in the very directory that we have; and is nobody else's, if neither that home nor that directory is there.
 */
export class MarkReader {
  /** Without a home (a test's processes) run ids alone tell. */
  constructor(private readonly home?: string) {}

  read(environment: Buffer | undefined, pid: number): RunMark | undefined {
    const runId = environment && variableIn(environment, RUN_MARKER);
    if (runId === undefined) return undefined;
    const [, home, slot] = MANIFEST_PATH.exec(variableIn(environment!, MANIFEST_VARIABLE) ?? '') ?? [];
    if (this.home === undefined || home === undefined) return { runId, slot: undefined };
    const [named, ours] = [placeOf(home), placeOf(this.home)];
    if (named === ours) return { runId, slot: ours && slot };
    const isOurs = wasBegunIn(join(this.home, 'provider-runner', slot, 'runs', runId)) || (named === undefined && openRunDirs(pid, runId).some(({ gone }) => gone));
    return isOurs ? { runId, slot: undefined } : undefined;
  }
}

/** A copy of it says what the original says, and is another one. */
function wasBegunIn(dir: string): boolean {
  try {
    return (JSON.parse(readFileSync(join(dir, 'run.json'), 'utf8')) as { place?: string } | null)?.place === placeOf(dir);
  } catch {
    // Whatever is wrong with it: it proves nothing.
    return false;
  }
}

/** As it was when the process was executed. */
function variableIn(environment: Buffer, name: string): string | undefined {
  const start = `${name}=`;
  // As a variable of its own, not within the value of another one.
  const at = environment.subarray(0, start.length).equals(Buffer.from(start)) ? 0 : environment.indexOf(`\0${start}`) + 1;
  if (at === 0 && environment.indexOf(start) !== 0) return undefined;
  const end = environment.indexOf(0, at);
  return environment.subarray(at + start.length, end < 0 ? environment.length : end).toString();
}
