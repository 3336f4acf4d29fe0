import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { readJsonIfThere } from './files.mjs';

/**
 * How many runs a runner has not closed: by its own records (`<slot>/runs/<runId>/run.json`), because the runner that
 * could be asked is dead. Each may have an agent that is alive.
 * @param {string} home
 * @param {string} slot as in `provider-runner/slot-0`
 */
export function countOpenRuns(home, slot) {
  const runs = join(home, slot, 'runs');
  return namesIn(runs).filter((runId) => {
    const record = readJsonIfThere(join(runs, runId, 'run.json'));
    return record !== null && record.phase !== 'closed';
  }).length;
}

function namesIn(dir) {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (error.code === 'ENOENT') return [];
    throw error;
  }
}
