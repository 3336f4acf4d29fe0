import { AppError, type RunFact } from '@orbitmesh/domain';
import type { ProcessExit } from '../drivers/driver.js';
import type { EndCause, EndIntent } from './run-record.js';

export type EndFact = Extract<RunFact, { type: 'run_ended' | 'start_failed' }>;

/** Errors of what was configured or asked for: the same start would fail in the same way. */
const CONFIG_CODES = ['CONFIG_INVALID', 'WORKING_DIR_INVALID', 'PROVIDER_NOT_FOUND'];

/** What a run's end is said as: why it was ended where somebody wanted it, else what its exit shows. */
export function lastFactOf(intent: EndIntent | undefined, exit: ProcessExit, left: number): EndFact {
  if (intent && 'startFailed' in intent && left === 0) return { type: 'start_failed', code: intent.startFailed, message: intent.message };
  const unasked: EndCause = exit.exitCode !== null && exit.signal === null ? 'exited' : 'crashed';
  return {
    type: 'run_ended', left, cause: intent && 'cause' in intent ? intent.cause : unasked,
    ...(exit.exitCode === null ? {} : { exitCode: exit.exitCode }),
    ...(exit.signal === null ? {} : { signal: exit.signal }),
    ...(intent?.message === undefined ? {} : { message: intent.message }),
  };
}

/** Only a message of ours goes up; that of any other error stays in the log. */
export function failedStart(error: unknown): EndIntent {
  if (!(error instanceof AppError)) return { startFailed: 'start_failed', message: 'The runner could not start the agent.' };
  return { startFailed: CONFIG_CODES.includes(error.code) ? 'config_invalid' : 'start_failed', message: error.message };
}
