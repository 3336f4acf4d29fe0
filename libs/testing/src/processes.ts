import { readdirSync, readFileSync } from 'node:fs';
import { eventually } from './eventually.js';

export interface FoundProcess { pid: number; command: string }

/**
 * Living processes whose environment or command line names `text`, e.g. a home's path: what a stack, or an agent of it,
 * left behind. Empty where there is no /proc.
 */
export async function processesNaming(text: string): Promise<FoundProcess[]> {
  if (process.platform !== 'linux') return [];
  const found: FoundProcess[] = [];
  // All at once: by promises, thousands of small files take ten times the processor time, and this is asked again and again.
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map(Number)) {
    if (pid === process.pid) continue;
    const command = partOf(pid, 'cmdline');
    // A thread of the kernel, or a zombie.
    if (command === '') continue;
    if (command.includes(text) || partOf(pid, 'environ').includes(text)) found.push({ pid, command: command.replaceAll('\0', ' ').trim() });
  }
  return found;
}

/** SIGSTOP; resolves when every thread of it really stands still, which on a busy machine takes a moment. */
export async function freezeProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  if (process.platform !== 'linux') return;
  const standsStill = (thread: string): boolean => / [TXZ] /.test(partOf(pid, `task/${thread}/stat`).replace(/^.*\)/s, '') || ' X ');
  await eventually(() => readdirSync(`/proc/${pid}/task`).every(standsStill), { what: `process ${pid} to stand still` });
}

/** Empty for a process that is gone, or somebody else's. */
function partOf(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return '';
    throw error;
  }
}
