import { nodeFs } from '@orbitmesh/storage';

/** In the environment of everything a run starts; what carries it belongs to the run (design §7). */
export const RUN_MARKER = 'ORBITMESH_RUN_ID';
/** Beside it: `<home>/provider-runner/<slot>/runs/<runId>/manifest.json`, as it was called then. */
export const MANIFEST_VARIABLE = 'ORBITMESH_MANIFEST';
const MANIFEST_PATH = /^(.+)\/provider-runner\/(slot-\d+)\/runs\/[^/]+\/manifest\.json$/;

/** What a process says that it belongs to. */
export interface RunMark {
  runId: string;
  /** Of this home. Undefined where it names no home, or one that is nowhere any more: then its run's id alone tells. */
  slot: string | undefined;
}

/**
 * Reads marks as this home sees them: a copy of a home has the same runs in it, and what belongs to those of the
 * other is none of ours while that one is there (ADR-0023).
 */
export class MarkReader {
  /** Without a home (a test's processes) run ids alone tell. */
  constructor(private readonly home?: string) {}

  read(environment: Buffer | undefined): RunMark | undefined {
    const runId = environment && variableIn(environment, RUN_MARKER);
    if (runId === undefined) return undefined;
    const [, home, slot] = MANIFEST_PATH.exec(variableIn(environment!, MANIFEST_VARIABLE) ?? '') ?? [];
    const named = home === undefined ? undefined : homeAt(home);
    if (this.home === undefined || named === undefined) return { runId, slot: undefined };
    return named === homeAt(this.home) ? { runId, slot } : undefined;
  }
}

/** Undefined when there is none. */
function homeAt(dir: string): string | undefined {
  try {
    return nodeFs.identitySync!(dir);
  } catch (error) {
    // One that we may not look at is somebody's.
    return (error as NodeJS.ErrnoException).code === 'ENOTDIR' ? undefined : 'unknown';
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
