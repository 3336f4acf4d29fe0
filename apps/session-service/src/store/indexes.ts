import { Inject, Injectable } from '@nestjs/common';
import type { Mail, Session, Task } from '@orbitmesh/domain';
import { Store, type View } from '@orbitmesh/storage';
import type { Change } from '../commands/decision.js';
import { COLLECTIONS } from './collections.js';
import { GroupIndex } from './group-index.js';

/** What is looked up by more than its id, so that no request walks through everything there is. */
@Injectable()
export class Indexes {
  readonly tasksOfProject: GroupIndex<Task>;
  readonly sessionsOfProject: GroupIndex<Session>;
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

  /** The documents of a group that a view has, in creation order; with `after`, those whose id is greater. */
  *in<T extends object>(view: View, index: GroupIndex<T>, key: string, after?: string): Iterable<T> {
    for (const id of index.idsAfter(key, after)) {
      const doc = view.get<T>(index.collection, id);
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

const present = (key: string | null): readonly string[] => (key === null ? [] : [key]);
