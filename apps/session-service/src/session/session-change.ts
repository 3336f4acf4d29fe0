import { handleSession, type Session, type SessionCommand, type Task } from '@orbitmesh/domain';
import type { Change, Decide } from '../commands/decision.js';
import { COLLECTIONS } from '../store/collections.js';
import { put } from '../store/documents.js';

export interface SessionChanged {
  session: Session;
  changed: boolean;
  /** Empty when nothing changed. */
  change: Required<Pick<Change, 'puts' | 'events'>>;
}

/**
 * What a command does to a session and to the tasks it holds, as one commit.
 * @throws whatever the domain refuses
 */
export function changeSession(tx: Decide, session: Session, command: SessionCommand): SessionChanged {
  const tasks = session.taskIds.flatMap((id) => tx.view.get<Task>(COLLECTIONS.tasks, id) ?? []);
  return written(handleSession(session, command, tx, tasks));
}

export function spawnSession(tx: Decide, command: SessionCommand, tasks: Task[]): SessionChanged {
  return written(handleSession(null, command, tx, tasks));
}

function written({ session, tasks, events, changed }: ReturnType<typeof handleSession>): SessionChanged {
  if (!changed) return { session, changed, change: { puts: [], events: [] } };
  return {
    session, changed,
    change: { puts: [put(COLLECTIONS.sessions, session), ...tasks.map((task) => put(COLLECTIONS.tasks, task))], events },
  };
}
