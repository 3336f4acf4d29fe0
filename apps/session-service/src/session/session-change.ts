import { handleSession, type Correspondence, type Session, type SessionCommand, type Task } from '@orbitmesh/domain';
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
 * What a command does to a session, to the tasks it holds and to its mail, as one commit.
 * @throws whatever the domain refuses
 */
export function changeSession(tx: Decide, session: Session, command: SessionCommand): SessionChanged {
  const tasks = session.taskIds.flatMap((id) => tx.view.get<Task>(COLLECTIONS.tasks, id) ?? []);
  return written(handleSession(session, command, tx, tasks, correspondenceOf(tx, session)));
}

export function spawnSession(tx: Decide, command: SessionCommand, tasks: Task[]): SessionChanged {
  return written(handleSession(null, command, tx, tasks));
}

function correspondenceOf({ view, indexes }: Decide, { id, parentSessionId }: Session): Correspondence {
  const parent = parentSessionId === null ? undefined : view.get<Session>(COLLECTIONS.sessions, parentSessionId);
  return { mail: indexes.queuedFor(view, id), parent: parent ?? null };
}

function written({ session, tasks, mails, events, changed }: ReturnType<typeof handleSession>): SessionChanged {
  if (!changed) return { session, changed, change: { puts: [], events: [] } };
  return {
    session, changed,
    change: {
      puts: [put(COLLECTIONS.sessions, session), ...tasks.map((task) => put(COLLECTIONS.tasks, task)), ...mails.map((mail) => put(COLLECTIONS.mail, mail))],
      events,
    },
  };
}
