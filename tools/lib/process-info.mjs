import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * When a process started, as an opaque word: with the pid it names one process for good, which a pid alone does not.
 * @param {number} pid
 * @returns {string | null} null when there is no such process (a zombie counts as gone)
 */
export function startTimeOf(pid) {
  if (!Number.isInteger(pid) || pid <= 0) return null;
  return process.platform === 'linux' ? startTimeLinux(pid) : startTimePs(pid);
}

/** @param {{ pid: number | null, startTime?: string | null }} known */
export function isAlive(known) {
  // Read from files that anybody may have edited.
  const { pid = null, startTime } = known ?? {};
  return pid !== null && typeof startTime === 'string' && startTimeOf(pid) === startTime;
}

function startTimeLinux(pid) {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
  // proc(5): the name may hold spaces and brackets, so count from the last bracket: field 3 is the state, 22 the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  if (fields[0] === 'Z' || fields[0] === 'X') return null;
  return `${bootId()}:${fields[19]}`;
}

let boot;
function bootId() {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim().slice(0, 8);
  return boot;
}

function startTimePs(pid) {
  try {
    const [state, ...started] = execFileSync('ps', ['-o', 'state=,lstart=', '-p', String(pid)], {
      encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'ignore'],
    }).trim().split(/\s+/);
    return state && !state.startsWith('Z') ? started.join(' ') : null;
  } catch (error) {
    if (error.status === 1) return null;
    throw error;
  }
}
