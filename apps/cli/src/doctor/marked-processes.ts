import { readdir, readFile, readlink } from 'node:fs/promises';
import { dirname } from 'node:path';

/** In the environment of everything a run starts (design §7). */
const RUN_MARKER = 'ORBITMESH_RUN_ID';
const MANIFEST = 'ORBITMESH_MANIFEST';
const MANIFEST_PATH = /^(.+)\/provider-runner\/(slot-\d+)\/runs\/[^/]+\/manifest\.json$/;

/** A process that says it belongs to a run. */
export interface MarkedProcess {
  pid: number;
  startTime: string;
  runId: string;
  command: string;
  /** As the path of the manifest that it was given says. */
  home: string | undefined;
  slot: string | undefined;
  /** Those in which it has the files of its run open, whatever they are called by now. */
  slotDirs: string[];
}

/** None where there is no /proc: containment is the process group there. */
export async function markedProcesses(startTimeOf: (pid: number) => string | null): Promise<MarkedProcess[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => {
    const environment = await environmentOf(pid);
    const runId = environment.get(RUN_MARKER);
    const startTime = runId === undefined ? null : startTimeOf(pid);
    if (runId === undefined || startTime === null) return [];
    const command = (await readOf(pid, 'cmdline')).split('\0').join(' ').trim();
    const [, home, slot] = MANIFEST_PATH.exec(environment.get(MANIFEST) ?? '') ?? [];
    return [{ pid, startTime, runId, command, home, slot, slotDirs: await slotDirsOf(pid, runId) }];
  }));
  return found.flat();
}

async function environmentOf(pid: number): Promise<Map<string, string>> {
  return new Map((await readOf(pid, 'environ')).split('\0').map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
}

async function slotDirsOf(pid: number, runId: string): Promise<string[]> {
  const fds = await readdir(`/proc/${pid}/fd`).catch(() => []);
  const targets = await Promise.all(fds.map((fd) => readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')));
  return targets.filter((target) => ['in', 'out', 'err'].some((file) => target.endsWith(`/runs/${runId}/${file}`))).map((target) => dirname(dirname(dirname(target))));
}

/** Empty of a process that is gone, or somebody else's. */
async function readOf(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(error.code ?? '')) return '';
    throw error;
  });
}
