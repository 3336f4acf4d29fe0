import { readdir, readFile } from 'node:fs/promises';
import { eventually } from './eventually.js';

export interface FoundProcess { pid: number; command: string }

/**
 * Living processes whose environment or command line names `text`, e.g. a home's path: what a stack, or an agent of it,
 * left behind. Empty where there is no /proc.
 */
export async function processesNaming(text: string): Promise<FoundProcess[]> {
  if (process.platform !== 'linux') return [];
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: FoundProcess[] = [];
  for (const pid of pids) {
    if (pid === process.pid) continue;
    const [environment, command, stat] = await Promise.all(['environ', 'cmdline', 'stat'].map((file) => readOf(pid, file)));
    const zombie = / Z /.test(stat.slice(stat.lastIndexOf(')')));
    if (!zombie && (environment.includes(text) || command.includes(text))) found.push({ pid, command: command.replaceAll('\0', ' ').trim() });
  }
  return found;
}

/** SIGSTOP; resolves when every thread of it really stands still, which on a busy machine takes a moment. */
export async function freezeProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  if (process.platform !== 'linux') return;
  const standsStill = async (thread: string): Promise<boolean> => / [TXZ] /.test((await readOf(pid, `task/${thread}/stat`)).replace(/^.*\)/s, '') || ' X ');
  await eventually(async () => (await Promise.all((await readdir(`/proc/${pid}/task`)).map(standsStill))).every(Boolean), { what: `process ${pid} to stand still` });
}

/** Empty for a process that is gone, or somebody else's. */
async function readOf(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${pid}/${file}`, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(error.code ?? '')) return '';
    throw error;
  });
}
