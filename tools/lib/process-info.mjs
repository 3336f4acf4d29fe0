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

/** To one that may be gone by now. */
export function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** By SIGSTOP or a debugger's like; where there is no /proc nobody can tell. */
export function isSuspended(pid) {
  return process.platform === 'linux' && statOf(pid)?.[0] === 'T';
}

/** As it was when the process was executed. Undefined where it has none, is gone or somebody else's, or there is no /proc. */
export function variableOf(pid, name) {
  const start = `${name}=`;
  return environmentOf(pid).find((pair) => pair.startsWith(start))?.slice(start.length);
}

function environmentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(error.code)) return [];
    throw error;
  }
}

function startTimeLinux(pid) {
  const fields = statOf(pid);
  if (!fields || fields[0] === 'Z' || fields[0] === 'X') return null;
  return `${bootId()}:${fields[19]}`;
}

/** From the state on: proc(5)'s third field is the first here. null: there is no such process. */
function statOf(pid) {
  let stat;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'ESRCH') return null;
    throw error;
  }
  // The name may hold spaces and brackets, so count from the last bracket.
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
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
