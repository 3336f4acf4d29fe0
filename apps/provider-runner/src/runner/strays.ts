import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SWEEP_GIVE_UP_MS } from '../limits.js';
import { RunProcesses } from '../process/run-processes.js';
import { isHeld, isTaken } from '../process/taken-run.js';
import type { RunEnvironment } from '../run/run-environment.js';

/**
 * Ends what belongs to runs of this home that nothing explains: the run's directory was taken away, so no runner
 * would ever find its agent again. It is asked of this runner's slot, and of those that no runner has; and not of what
 * a runner has taken over in a home that was called as this one is now.
 */
export async function sweepStrays({ table, home, slot: own, log }: RunEnvironment): Promise<void> {
  const scan = await table.nextScan();
  const sweep = async (runId: string, slot: string): Promise<void> => {
    const dir = join(home, 'provider-runner', slot);
    // Looked for after its processes were: a run has its directory before it has any.
    if (existsSync(join(dir, 'runs', runId)) || (slot !== own && (await isHeld(dir)))) return;
    if (await isTaken(table, runId, join(dir, 'runs', runId))) return;
    const left = await new RunProcesses(table, runId).sweep(SWEEP_GIVE_UP_MS, { keepers: true });
    log('warn', 'processes of a run whose directory is gone were still there', { runId, slot, left });
  };
  await Promise.all([...scan.slots].map(([runId, slot]) => sweep(runId, slot).catch((error: unknown) => {
    log('error', 'processes of a run whose directory is gone could not be ended', { err: error, runId, slot });
  })));
}
