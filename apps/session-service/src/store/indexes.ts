import { Inject, Injectable } from '@nestjs/common';
import { statusOf, type Mail, type Session, type SessionStatus, type Task } from '@orbitmesh/domain';
import { idsAfter, Store, type View } from '@orbitmesh/storage';
import type { Change } from '../commands/decision.js';
import { COLLECTIONS } from './collections.js';
import { GroupIndex } from './group-index.js';

/** What is looked up by more than its id, so that no request walks through everything there is. */
@Injectable()
export class Indexes {
  readonly tasksOfProject: GroupIndex<Task>;
  readonly tasksOfParent: GroupIndex<Task>;
  readonly tasksInStatus: GroupIndex<Task>;
  readonly sessionsOfProject: GroupIndex<Session>;
  readonly sessionsOfTask: GroupIndex<Session>;
  /** By their state, and by their status: no word is both. */
  readonly sessionsIn: GroupIndex<Session>;
  readonly childrenOfSession: GroupIndex<Session>;
  readonly continuationsOfSession: GroupIndex<Session>;
  readonly mailToSession: GroupIndex<Mail>;
  /** By their project. */
  readonly mailToPeople: GroupIndex<Mail>;
  readonly mailOfThread: GroupIndex<Mail>;
  readonly mailOfProject: GroupIndex<Mail>;
  /** What its session has not got yet. */
  readonly queuedMail: GroupIndex<Mail>;
  private readonly all: readonly Pick<GroupIndex<object>, 'collection' | 'enqueued' | 'settled'>[];

  constructor(@Inject(Store) store: Store) {
    const { tasks, sessions, mail } = COLLECTIONS;
    this.all = [
      this.tasksOfProject = new GroupIndex<Task>(store, tasks, ({ projectId }) => [projectId]),
      this.tasksOfParent = new GroupIndex<Task>(store, tasks, ({ parentId }) => present(parentId)),
      this.tasksInStatus = new GroupIndex<Task>(store, tasks, ({ status }) => [status]),
      this.sessionsOfTask = new GroupIndex<Session>(store, sessions, ({ taskIds }) => taskIds),
      this.sessionsIn = new GroupIndex<Session>(store, sessions, (session) => [session.state, statusIn(session)]),
      this.sessionsOfProject = new GroupIndex<Session>(store, sessions, ({ projectId }) => [projectId]),
      this.childrenOfSession = new GroupIndex<Session>(store, sessions, ({ parentSessionId }) => present(parentSessionId)),
      this.continuationsOfSession = new GroupIndex<Session>(store, sessions, ({ continues }) => present(continues)),
      this.mailToSession = new GroupIndex<Mail>(store, mail, ({ toSessionId }) => present(toSessionId)),
      this.mailToPeople = new GroupIndex<Mail>(store, mail, ({ toSessionId, projectId }) => (toSessionId === null ? [projectId] : [])),
      this.mailOfThread = new GroupIndex<Mail>(store, mail, ({ threadId }) => [threadId]),
      this.mailOfProject = new GroupIndex<Mail>(store, mail, ({ projectId }) => [projectId]),
      this.queuedMail = new GroupIndex<Mail>(store, mail, ({ toSessionId, state }) => (state === 'queued' ? present(toSessionId) : [])),
    ];
  }

  /** A commit is in the pending view. */
  enqueued(change: Change): void {
    this.each(change, (index, id) => index.enqueued(id));
  }

  /** That commit has become durable, or was taken back. */
  settled(change: Change): void {
    this.each(change, (index, id) => index.settled(id));
  }

  /** The documents of a group that a view has, in creation order; with `after`, those whose id is greater. What comes meanwhile is not among them. */
  *in<T extends object>(view: View, index: GroupIndex<T>, key: string, after?: string): Iterable<T> {
    for (const id of [...index.idsAfter(key, after)]) {
      const doc = view.get<T>(index.collection, id);
      if (doc) yield doc;
    }
  }

  /**
   * The documents that a view has of the smallest of these groups (of all, where none of them has a key), in creation order, whose
   * summary is wanted: others are not read.
   */
  *matching<T extends object>(
    view: View, collection: string, { groups, wanted, after }: { groups: readonly Group<T>[]; wanted: (summary: T) => boolean; after: string | undefined },
  ): Iterable<T> {
    const [smallest] = groups.filter((group): group is [GroupIndex<T>, string] => group[1] !== undefined).sort(([a, one], [b, other]) => a.size(one) - b.size(other));
    for (const id of smallest ? smallest[0].idsAfter(smallest[1], after) : idsAfter(view.ids(collection), after)) {
      const summary = view.summary<T>(collection, id);
      if (summary === undefined || !wanted(summary)) continue;
      const doc = view.get<T>(collection, id);
      if (doc) yield doc;
    }
  }

  /** Mail that waits for a session, oldest first. */
  queuedFor(view: View, sessionId: string): Mail[] {
    if (this.queuedMail.size(sessionId) === 0) return [];
    return [...this.in(view, this.queuedMail, sessionId)].filter((mail) => mail.state === 'queued' && mail.toSessionId === sessionId);
  }

  private each({ puts = [], deletes = [] }: Change, tell: (index: Pick<GroupIndex<object>, 'enqueued' | 'settled'>, id: string) => void): void {
    for (const { collection, id } of [...puts, ...deletes]) {
      for (const index of this.all) if (index.collection === collection) tell(index, id);
    }
  }
}

/** An index, and what is asked of it; undefined: nothing. */
export type Group<T extends object> = readonly [GroupIndex<T>, string | undefined];

/** The status of a session of which there may be no more than the summary, which has it. */
export const statusIn = (session: Session & { status?: SessionStatus }): SessionStatus => session.status ?? statusOf(session);

const present = (key: string | null): readonly string[] => (key === null ? [] : [key]);
