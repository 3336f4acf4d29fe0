import { AppError } from '../errors/app-error.js';
import type { FeedEvent } from '../feed/envelope.js';
import { fitEvent } from '../feed/fit-event.js';
import type { DecideContext } from '../kernel/context.js';
import { taskEvent, taskSessionEvent } from '../work/task-events.js';
import type { Mail } from '../work/mail.js';
import type { Task } from '../work/task.js';
import { decide } from './decide.js';
import { evolve } from './evolve.js';
import { notificationsFor } from './notifications.js';
import type { Session } from './session.js';
import type { SessionChange } from './session-change.js';
import type { SessionCommand } from './session-command.js';
import { eventsOf, sessionDeleted, sessionUpdated, spawnEvents, visiblyChanged } from './session-feed.js';
import { NO_CORRESPONDENCE, syncMail, type Correspondence } from './mail-sync.js';
import { isTerminal } from './session-state.js';
import { syncTasks, withoutSession } from './task-sync.js';

/** One commit's worth. */
export interface HandledSession {
  /** One revision further when changed, else the one given. */
  session: Session;
  /** The linked tasks that changed, each one revision further. */
  tasks: Task[];
  /** Mail that was delivered or sent with it. */
  mails: Mail[];
  /** In the order of the feed; the last one is the commit's end. Empty where only bookkeeping changed. */
  events: FeedEvent[];
  changed: boolean;
}

/**
 * Decides, folds and tells the feed: first what happened, then notifications and task links, then each
 * changed entity once as it is now (design §5).
 * @param linkedTasks the tasks of `taskIds`; for a spawn all of them must be there.
 * @param correspondence the session's queued mail, and its parent.
 * @throws AppError as `decide` does; then nothing has changed.
 */
export function handleSession(
  session: Session | null, command: SessionCommand, ctx: DecideContext, linkedTasks: readonly Task[], correspondence: Correspondence = NO_CORRESPONDENCE,
): HandledSession {
  if (command.type === 'spawn') assertLinked(command.projectId, command.taskIds, linkedTasks);
  const changes = decide(session, command, ctx, correspondence.mail);
  if (changes.length === 0 && session) return { session, tasks: [], mails: [], events: [], changed: false };
  const { after, specific } = fold(session, changes, ctx.now);
  const sync = syncTasks(changes, after, linkedTasks, ctx.now);
  const notifications = changes.flatMap((change) => notificationsFor(change, after));
  const own = session && visiblyChanged(session, after) ? [sessionUpdated(after, ctx.now)] : [];
  const post = syncMail(changes, after, correspondence, ctx);
  const events = [...specific, ...notifications, ...sync.specific, ...post.events, ...sync.updated, ...own].map(fitEvent);
  return { session: after, tasks: sync.tasks, mails: post.mails, events, changed: true };
}

/**
 * Forgets a session and its links. @throws SESSION_NOT_TERMINAL
 */
export function deleteSession(session: Session, linkedTasks: readonly Task[], ctx: DecideContext): { tasks: Task[]; events: FeedEvent[] } {
  if (!isTerminal(session)) throw new AppError('SESSION_NOT_TERMINAL', undefined, { sessionId: session.id, state: session.state });
  const holding = linkedTasks.filter((task) => task.sessionIds.includes(session.id));
  const tasks = holding.map((task) => ({ ...withoutSession(task, session.id), updatedAt: ctx.now, revision: task.revision + 1 }));
  const events = [
    ...tasks.map((task) => taskSessionEvent('task:session_removed', task, session.id, ctx.now)),
    ...tasks.map((task) => taskEvent('task:updated', task, ctx.now)),
    sessionDeleted(session, ctx.now),
  ];
  return { tasks, events };
}

function fold(before: Session | null, changes: readonly SessionChange[], now: string): { after: Session; specific: FeedEvent[] } {
  const specific: FeedEvent[] = [];
  let after = before;
  for (const change of changes) {
    if (change.type === 'spawned') specific.push(...spawnEvents(change.session, now));
    else if (after) specific.push(...eventsOf(change, after));
    after = evolve(after, change);
  }
  return { after: after!, specific };
}

function assertLinked(projectId: string, taskIds: readonly string[], tasks: readonly Task[]): void {
  for (const taskId of taskIds) {
    const task = tasks.find(({ id }) => id === taskId);
    if (!task) throw new AppError('TASK_NOT_FOUND', `There is no task ${taskId}.`, { taskId });
    if (task.projectId !== projectId) throw new AppError('TASK_REFERENCE_INVALID', `Task ${taskId} is of another project.`, { taskId });
  }
}
