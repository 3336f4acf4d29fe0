import { chmod, lstat, readdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { ADMIN_TOKEN_ID } from '@orbitmesh/contracts/wire';
import { DISK_FREE_BYTES_MIN, DISK_FREE_FILES_MIN, NAMED_FILES_MAX } from '../limits.js';
import { plural, problem, type Check, type Finding, type Patient } from './finding.js';

/** What an agent keeps below its own directory is its own, with whatever modes. */
const AGENTS_OWN = /^provider-runner\/slot-\d+\/agents\/[^/]+\/[^/]+$/;
/** Made by whoever writes a small file whole: `<name>.<pid>.<something>.tmp`. */
const TEMPORARY = /\.(\d+)\.[0-9a-f]+\.tmp$/;
/** A socket or a file on its way to be a lock, named after its process. */
const LOCK_DRAFT = /^(?:\.lock\.(\d+)\.[0-9a-f]+\.new|launcher\.lock\.draft-(\d+)-\w+)$/;
const QUARANTINED = /^(?:session-service|notifier)\/quarantine\//;
/** It was in plain for whoever looked: closing it does not take that back. */
const OWNERS_TOKEN = 'api-gateway/admin.token';
const OTHERS = 0o077;
const ENTERED_BY_OTHERS = 0o011;
/** Written by people, at the top, with the mode that their editor gives it: nobody comes to it through a home that is closed. */
const PEOPLES = new Set(['providers.json']);

/** Everything in the home: who may read it, and what was left over from a write that a crash cut short. */
export const checkFiles: Check = async (patient) => {
  const [open, closed]: Moded[][] = [[], []];
  const left: string[] = [];
  const homesMode = (await lstat(patient.home)).mode & 0o777;
  const isEntered = (homesMode & ENTERED_BY_OTHERS) !== 0;
  const look = async (path: string, name: string, mode: number, isDirectory: boolean): Promise<void> => {
    const owners = isDirectory ? 0o700 : 0o400;
    if (mode & OTHERS && (isEntered || !PEOPLES.has(path))) open.push({ path, mode, wanted: (mode & 0o700) | owners });
    else if ((mode & owners) !== owners) closed.push({ path, mode, wanted: mode | owners | 0o200 });
    if (isLeft(patient, name)) left.push(path);
  };
  await look('.', '.', homesMode, true);
  await walk(patient.home, '', look);
  return [
    ...modeFinding(patient, open, 'is open to other users', 'closed to all but their owner'), ...modeFinding(patient, closed, 'is closed to its owner', 'opened to their owner'),
    ...left.map((path) => leftFinding(patient, path)),
  ];
};

interface Moded { path: string; mode: number; wanted: number }

async function walk(home: string, below: string, visit: (path: string, name: string, mode: number, isDirectory: boolean) => Promise<void>): Promise<void> {
  if (AGENTS_OWN.test(below)) return;
  for (const entry of await readdir(join(home, below), { withFileTypes: true }).catch(absent)) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isSymbolicLink()) continue;
    const found = await lstat(join(home, path)).catch(absentFile);
    // What else was put aside there (a FIFO) holds nothing that anybody could read.
    const holds = entry.isFile() || entry.isDirectory() || !QUARANTINED.test(path);
    if (found && holds) await visit(path, entry.name, found.mode & 0o777, entry.isDirectory());
    if (entry.isDirectory()) await walk(home, path, visit);
  }
}

/** One for all that have it. */
function modeFinding(patient: Patient, all: Moded[], text: string, done: string): Finding[] {
  const { home, whole } = patient;
  if (all.length === 0) return [];
  if (whole && all.length > 1) return all.flatMap((one) => modeFinding(patient, [one], text, done));
  const [first, ...more] = all;
  const others = more.length === 0 ? '' : `, and ${plural(more.length, 'more file or directory', 'more files and directories')}`;
  const names = more.slice(0, NAMED_FILES_MAX - 1).map(({ path }) => path);
  const mend = async (): Promise<string> => {
    for (const { path, wanted } of all) await chmod(join(home, path), wanted);
    return done;
  };
  const wasShown = all.some(({ path, mode }) => path === OWNERS_TOKEN && mode & OTHERS);
  return [problem(first.path, `${text} (${first.mode.toString(8).padStart(3, '0')})${others}${names.length > 0 ? `: ${names.join(', ')}${more.length > names.length ? ', …' : ''}` : ''}`, { mend, ...(wasShown && { advice: [`Whoever read ${OWNERS_TOKEN} is the owner, too: once it is closed, % token rotate ${ADMIN_TOKEN_ID}`] }) })];
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
