import type { SessionView } from '@orbitmesh/domain';
import { printable, table } from './terminal.js';

/** Sessions, one a line; of one that waits, for what. */
export function sessionTable(sessions: readonly SessionView[]): string {
  return table([['SESSION', 'STATE', 'ACTIVITY', 'NAME'], ...sessions.map(({ id, state, activity, name, waiting }) => (
    [id, state, waiting ? 'waiting' : activity, printable(waiting ? `${name}  (${waiting.reason})` : name)]
  ))]);
}
