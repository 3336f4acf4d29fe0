import { readdirSync, statSync } from 'node:fs';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { auditStore, NOTIFIER_STORE, SESSION_STORE } from '@orbitmesh/storage';
import { processesNaming } from '@orbitmesh/testing';
import { CANARY_FILE_BYTES_MAX } from './limits.js';

/** What an agent keeps of its conversation is its own: it was killed with its machine, too. */
const AGENTS_OWN = /\/provider-runner\/slot-\d+\/agents\//;
const TEMPORARY = /\.om-tmp$|\.tmp$|\.draft-/;

const SESSION = /\/sess_[^/]+$/;

/** Without the directories of sessions that nobody made or entered since: there may be ten thousand of them. */
function* filesOf(dir: string, since: number): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && !(SESSION.test(path) && changedAt(path) < since)) yield* filesOf(path, since);
  }
}

/** 0 for what is gone. */
const changedAt = (path: string): number => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/** @param since wall ms. @returns files that were meant to be there for a moment only */
export function strayFiles(home: string, since: number): string[] {
  return [...filesOf(home, since)].filter((path) => TEMPORARY.test(path) && !AGENTS_OWN.test(path));
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
  for (const path of filesOf(home, since)) {
    const { size, mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0, mtimeMs: 0 };
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
