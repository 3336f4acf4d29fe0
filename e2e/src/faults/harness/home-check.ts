import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { auditStore, NOTIFIER_STORE, SESSION_STORE } from '@orbitmesh/storage';
import { processesNaming } from '@orbitmesh/testing';
import { CANARY_FILE_BYTES_MAX } from './limits.js';

/** What an agent keeps of its conversation is its own: it was killed with its machine, too. */
const AGENTS_OWN = /\/provider-runner\/slot-\d+\/agents\//;
const TEMPORARY = /\.om-tmp$|\.tmp$|\.draft-/;

async function filesOf(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/** @returns files that were meant to be there for a moment only */
export async function strayFiles(home: string): Promise<string[]> {
  return (await filesOf(home)).filter((path) => TEMPORARY.test(path) && !AGENTS_OWN.test(path));
}

/** Every readable file says what its log says, or is on its way to. @returns what differs */
export function auditHome(home: string): string[] {
  return [SESSION_STORE, NOTIFIER_STORE].flatMap((layout) => {
    const { findings, kept, copied } = auditStore({ home, layout });
    return [
      // A store at work has some.
      ...findings.filter(({ kind }) => kind !== 'temporary').map(({ file, problem }) => `${layout.dir}/${file} ${problem}`),
      ...[...kept].map(([name, { reason }]) => `${layout.dir}/quarantine/${name}: ${reason}`),
      ...(copied ? [`${layout.dir}: its log passes for a copy`] : []),
    ];
  });
}

/** @param since wall ms: older files were looked at before. @returns files and command lines that tell the secret */
export async function placesOf(canary: string, home: string, since: number): Promise<string[]> {
  const found: string[] = [];
  for (const path of await filesOf(home)) {
    const { size, mtimeMs } = await stat(path).catch(() => ({ size: 0, mtimeMs: 0 }));
    if (mtimeMs < since || size === 0 || size > CANARY_FILE_BYTES_MAX) continue;
    if ((await readFile(path).catch(() => Buffer.alloc(0))).includes(canary)) found.push(path);
  }
  for (const { pid, command } of await processesNaming(home)) if (command.includes(canary)) found.push(`the command line of ${pid}`);
  return found;
}

export interface Usage { descriptors: number; memoryMiB: number }

/** null for a process that is gone. */
export async function usageOf(pid: number): Promise<Usage | null> {
  try {
    const [descriptors, status] = await Promise.all([readdir(`/proc/${pid}/fd`), readFile(`/proc/${pid}/status`, 'utf8')]);
    return { descriptors: descriptors.length, memoryMiB: Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1_024 };
  } catch {
    return null;
  }
}

/** What a process has open, by what it is, for whoever must find a leak. */
export async function openFilesOf(pid: number): Promise<string> {
  const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const counts = new Map<string, number>();
  for (const name of names) {
    const target = (await readlink(`/proc/${pid}/fd/${name}`).catch(() => '?')).replace(/[0-9]{2,}/g, 'N');
    counts.set(target, (counts.get(target) ?? 0) + 1);
  }
  return [...counts].sort(([, a], [, b]) => b - a).slice(0, 10).map(([target, count]) => `${count} ${target}`).join(', ');
}
