import { readdirSync, readlinkSync } from 'node:fs';

/** The directory of a run, as it is called now; `gone`: nobody has it any more. */
export interface OpenRunDir { dir: string; gone: boolean }

const FILE = /^(.+)\/(?:in|out|err)( \(deleted\))?$/;

/** Directories of that run in which a process has the agent's pipe or output open. None where there is no /proc to tell. */
export function openRunDirs(pid: number, runId: string): OpenRunDir[] {
  return entriesOf(`/proc/${pid}/fd`, (path) => readdirSync(path)).flatMap((fd) => entriesOf(`/proc/${pid}/fd/${fd}`, (path) => [readlinkSync(path)])).flatMap((target) => {
    const [, dir, deleted] = FILE.exec(target) ?? [];
    return dir?.endsWith(`/runs/${runId}`) ? [{ dir, gone: deleted !== undefined }] : [];
  });
}

function entriesOf(path: string, read: (path: string) => string[]): string[] {
  try {
    return read(path);
  } catch (error) {
    // Gone or closed meanwhile, or somebody else's.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
