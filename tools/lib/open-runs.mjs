import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonIfThere } from './files.mjs';
import { startTimeOf } from './process-info.mjs';

/**
 * The runs that a runner has not closed: by its own records (`<slot>/runs/<runId>/run.json`), because the runner that
 * could be asked is dead. Each may have an agent that is alive, which only `living` knows: a full disk takes no record.
 * @param {string} home
 * @param {string} slot as in `provider-runner/slot-0`
 * @returns {{ open: number, living: number }}
 */
export function countRuns(home, slot) {
  const runs = join(home, slot, 'runs');
  const open = namesIn(runs).flatMap((runId) => {
    const record = readJsonIfThere(join(runs, runId, 'run.json'));
    return record !== null && record.phase !== 'closed' ? [{ runId, wrapper: record.wrapper }] : [];
  });
  const marked = open.length > 0 && process.platform === 'linux' ? markedRuns() : null;
  // Without /proc the wrapper stands for its whole group.
  const lives = ({ runId, wrapper }) => (marked ? marked.has(runId) : startTimeOf(wrapper?.pid) !== null);
  return { open: open.length, living: open.filter(lives).length };
}

/** Of which runs there are processes (design §7: what a run starts carries its id). */
function markedRuns() {
  const found = new Set();
  for (const pid of namesIn('/proc').filter((name) => /^\d+$/.test(name))) {
    const mark = environmentOf(pid).find((pair) => pair.startsWith('ORBITMESH_RUN_ID='));
    if (mark) found.add(mark.slice('ORBITMESH_RUN_ID='.length));
  }
  return found;
}

/** Empty of a process that is gone, has ended, or is somebody else's. */
function environmentOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(error.code)) return [];
    throw error;
  }
}

function namesIn(dir) {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}
