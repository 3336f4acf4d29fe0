import { setTimeout as delay } from 'node:timers/promises';
import { START_SWEEP_MS } from '../limits.js';
import type { ProcessIdentity, ProcessTable } from '../process/process-table.js';
import type { RunProcesses } from '../process/run-processes.js';
import { isTaken } from '../process/taken-run.js';
import { AgentProcess } from './agent-process.js';
import type { RunFiles } from './run-files.js';
import { isInPlace, type RunRecord } from './run-record.js';

/**
 * Of a run that was copied here, or put back from a backup, the agent has other files than these: it is not gone on with; and
 * is another home's, if a runner there has it.
 */
export async function wrapperLeft(table: ProcessTable, files: RunFiles, processes: RunProcesses, record: RunRecord): Promise<ProcessIdentity | undefined> {
  if (!isInPlace(files, record)) {
    if (await isTaken(table, record.runId, files.dir)) processes.disown();
    return AgentProcess.gone(files, table);
  }
  return record.wrapper ?? unrecordedWrapper(table, files, processes, record.runId);
}

/** The wrapper of a runner that died before it could record it. One that is only starting has not written down its pid yet. */
async function unrecordedWrapper(table: ProcessTable, files: RunFiles, processes: RunProcesses, runId: string): Promise<ProcessIdentity | undefined> {
  for (const deadline = performance.now() + START_SWEEP_MS; ; await delay(10)) {
    const wrapper = AgentProcess.findUnrecorded(files, table, runId);
    if (wrapper || performance.now() > deadline || (await processes.nextMembers({ keepers: true })).length === 0) return wrapper;
  }
}

/** No agent was executed, and none will be. After another boot nobody can say: what proves it was not synced. */
export async function leftNothing(table: ProcessTable, files: RunFiles, processes: RunProcesses, { bootId }: RunRecord): Promise<boolean> {
  return bootId === table.bootId && (await processes.sweep(START_SWEEP_MS, { keepers: true })) === 0 && !AgentProcess.wasExecuted(files);
}
