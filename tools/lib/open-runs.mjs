import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonIfThere } from './files.mjs';
import { isCopied, placeOf } from './place.mjs';
import { startTimeOf, variableOf } from './process-info.mjs';

/**
 * The runs that a runner has not closed: by its own records (`<slot>/runs/<runId>/run.json`), because the runner that
 * could be asked is dead. Each may have an agent that is alive, which only `living` knows: a full disk takes no record.
 * @param {string} home
 * @param {string} slot as in `provider-runner/slot-0`
 * @returns {{ open: number, living: number }}
 */
export function countRuns(home, slot) {
  const open = openRuns(home, slot);
  const marked = process.platform === 'linux' ? new Set(processesOf(home, open).map(({ runId }) => runId)) : null;
  // Without /proc the wrapper stands for its whole group.
  const lives = ({ runId, wrapper, copied }) => (marked ? marked.has(runId) : !copied && startTimeOf(wrapper?.pid) !== null);
  return { open: open.length, living: open.filter(lives).length };
}

function openRuns(home, slot) {
  const runs = join(home, slot, 'runs');
  return namesIn(runs).flatMap((runId) => {
    const dir = join(runs, runId);
    const record = readJsonIfThere(join(dir, 'run.json'));
    return record !== null && record.phase !== 'closed' ? [{ runId, dir, wrapper: record.wrapper, copied: isCopied(dir, record) }] : [];
  });
}

const MANIFEST_PATH = /^(.+)\/provider-runner\/slot-\d+\/runs\/[^/]+\/manifest\.json$/;

/**
 * Processes that carry the id of one of these runs (design §7: whatever a run starts does), and are of this home
 * (ADR-0023): by its name, or because their run was begun in the very directory that is here.
 */
function processesOf(home, runs) {
  if (runs.length === 0) return [];
  const here = placeOf(home);
  return namesIn('/proc').filter((name) => /^\d+$/.test(name)).map(Number).flatMap((pid) => {
    const runId = variableOf(pid, 'ORBITMESH_RUN_ID');
    const run = runId && runs.find((one) => one.runId === runId);
    if (!run) return [];
    const [, named] = MANIFEST_PATH.exec(variableOf(pid, 'ORBITMESH_MANIFEST') ?? '') ?? [];
    const itsHome = named && placeOf(named);
    return itsHome === here || !run.copied ? [{ pid, runId }] : [];
  });
}

function namesIn(dir) {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}
