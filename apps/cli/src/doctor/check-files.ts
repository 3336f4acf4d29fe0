import { chmod, lstat, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { DISK_FREE_BYTES_MIN, DISK_FREE_FILES_MIN, NAMED_FILES_MAX } from '../limits.js';
import { plural, problem, type Check, type Finding, type Patient } from './finding.js';

/** What an agent keeps below its own directory is its own, with whatever modes. */
const AGENTS_OWN = /^provider-runner\/slot-\d+\/agents\/[^/]+\/[^/]+$/;
/** Made by whoever writes a small file whole: `<name>.<pid>.<something>.tmp`. */
const TEMPORARY = /\.(\d+)\.[0-9a-f]+\.tmp$/;
/** A socket or a file on its way to be a lock, named after its process. */
const LOCK_DRAFT = /^(?:\.lock\.(\d+)\.[0-9a-f]+\.new|launcher\.lock\.draft-(\d+)-\w+)$/;
const OTHERS = 0o077;

/** Everything in the home: who may read it, and what was left over from a write that a crash cut short. */
export const checkFiles: Check = async (patient) => {
  const open: { path: string; mode: number }[] = [];
  const left: string[] = [];
  await walk(patient.home, '', async (path, name, mode) => {
    if (mode & OTHERS) open.push({ path, mode });
    if (isLeft(patient, name)) left.push(path);
  });
  return [...openFinding(patient, open), ...left.map((path) => leftFinding(patient, path))];
};

async function walk(home: string, below: string, visit: (path: string, name: string, mode: number) => Promise<void>): Promise<void> {
  if (AGENTS_OWN.test(below)) return;
  for (const entry of await readdir(join(home, below), { withFileTypes: true }).catch(absent)) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isSymbolicLink()) continue;
    const found = await lstat(join(home, path)).catch(absentFile);
    if (found) await visit(path, entry.name, found.mode & 0o777);
    if (entry.isDirectory()) await walk(home, path, visit);
  }
}

function openFinding({ home }: Patient, open: { path: string; mode: number }[]): Finding[] {
  if (open.length === 0) return [];
  const [first, ...more] = open;
  const others = more.length === 0 ? '' : `, and ${plural(more.length, 'more file or directory', 'more files and directories')}`;
  const names = more.slice(0, NAMED_FILES_MAX - 1).map(({ path }) => path);
  const mend = async (): Promise<string> => {
    for (const { path, mode } of open) await chmod(join(home, path), mode & 0o700);
    return 'closed to all but their owner';
  };
  return [problem(first.path, `is open to other users (${first.mode.toString(8)})${others}${names.length > 0 ? `: ${names.join(', ')}${more.length > names.length ? ', …' : ''}` : ''}`, { mend })];
}

/** Its process, which is named in it, does not live any more. */
function isLeft({ tools }: Patient, name: string): boolean {
  const [, ...pids] = TEMPORARY.exec(name) ?? LOCK_DRAFT.exec(name) ?? [];
  const pid = pids.find((one) => one !== undefined);
  return pid !== undefined && tools?.startTimeOf(Number(pid)) === null;
}

function leftFinding({ home }: Patient, path: string): Finding {
  return problem(path, 'is left over from a process that is gone', {
    mend: async () => {
      await rm(join(home, path));
      return 'removed';
    },
  });
}

/** Is there room to go on? */
export const checkDisk: Check = async ({ home, summary }) => {
  const { bavail, bsize, files, ffree } = await statfs(home);
  const free = bavail * bsize;
  summary.set('disk', `${bytesText(free)} free`);
  return [
    ...(free < DISK_FREE_BYTES_MIN ? [problem(null, `Only ${bytesText(free)} are free on the disk of this home.`, { advice: ['Make room. When it is full, nothing is lost and nothing new is taken; it goes on by itself once there is room.'] })] : []),
    // A file system that makes them as needed says 0 of 0.
    ...(files > 0 && ffree < DISK_FREE_FILES_MIN ? [problem(null, `Only ${plural(ffree, 'more file', 'more files')} can be made on the disk of this home.`, { advice: ['Remove files that are not needed: it is out of inodes.'] })] : []),
  ];
};

export function bytesText(bytes: number): string {
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  const at = Math.min(units.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${(bytes / 1024 ** at).toFixed(at > 0 && bytes / 1024 ** at < 10 ? 1 : 0)} ${units[at]}`;
}

/** What goes away while it is looked at was not wrong. */
function absent(error: NodeJS.ErrnoException): [] {
  if (error.code === 'ENOENT' || error.code === 'EACCES') return [];
  throw error;
}
function absentFile(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
