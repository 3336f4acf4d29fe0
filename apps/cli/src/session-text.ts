import type { SessionState, SessionView } from '@orbitmesh/domain';
import { printable, table } from './terminal.js';

/** Sessions, one a line: of one that waits, for what; of one that has ended, how. */
export function sessionTable(sessions: readonly SessionView[]): string {
  return table([['SESSION', 'STATE', 'ACTIVITY', 'NAME'], ...sessions.map(({ id, state, activity, name, waiting, outcome }) => (
    [id, state, outcome?.code ?? (waiting ? 'waiting' : activity), printable(waiting ? `${name}  (${waiting.reason})` : name)]
  ))]);
}

export function isOver(state: SessionState): boolean {
  return state === 'stopped' || state === 'error';
}
