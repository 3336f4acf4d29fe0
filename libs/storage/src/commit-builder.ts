import { dirname } from 'node:path';
import { AppError, isId, type EventEnvelope } from '@orbitmesh/domain';
import type { Collections, DocumentName } from './collections.js';
import type { Commit, Committed, Head, NewEvent } from './commit.js';
import type { DurableCommit } from './durable-state.js';
import type { LogEntry } from './log/commit-log.js';
import { recordJson, storedEvent, type LoggedPut, type SessionTrim, type StoredEvent } from './log/log-record.js';
import { frozenCopy } from './view/frozen-copy.js';
import type { View } from './view/view.js';

/** A commit with its numbers and its JSON, on its way to the log. */
export interface PreparedCommit extends Omit<LogEntry, 'enqueuedAt' | 'resolve' | 'reject'>, DurableCommit {
  committed: Committed;
}

export interface CommitContext {
  collections: Collections;
  logId: string;
  /** The time in service, ms. */
  now(): number;
  commitBytesMax: number;
  /** The last numbers given out, durable or not. */
  head: Head;
  sessionSeq(sessionId: string): number;
  pending: View;
  sessionEvents: ((sessionId: string) => string) | undefined;
}

/**
 * Gives a commit its numbers and makes its JSON, once. It changes nothing yet.
 * @throws VALIDATION_FAILED for unsafe ids or paths, DOCUMENT_TOO_LARGE for one that is too large.
 */
export function prepareCommit(commit: Commit, context: CommitContext): PreparedCommit {
  const copies = new Map<object, object>();
  const puts = (commit.puts ?? []).map((put) => loggedPut(put, context, copies));
  const deletes = commit.deletes ?? [];
  for (const { collection, id } of deletes) {
    context.collections.spec(collection);
    if (!isId(id)) throw new AppError('VALIDATION_FAILED', 'A document has an invalid id.', { collection });
  }
  const forgets = endedSessions(puts, deletes, context);
  const trims = trimsOf(commit.trims ?? [], context);
  const events = numbered(commit.events ?? [], context, copies);
  const answer = commit.answer && frozenCopy({ ...commit.answer, body: answerBody(commit.answer, events), at: context.now() }, copies);
  const commitSeq = context.head.commit + 1;
  const record = {
    commit: commitSeq,
    seq: context.head.seq + 1,
    ...(puts.length > 0 ? { puts } : {}),
    ...(deletes.length > 0 ? { deletes } : {}),
    ...(forgets.length > 0 ? { forgets } : {}),
    ...(trims.length > 0 ? { trims } : {}),
    ...(answer === undefined ? {} : { answer }),
  };
  const json = Buffer.from(recordJson(record, events));
  if (json.length > context.commitBytesMax) {
    throw new AppError('DOCUMENT_TOO_LARGE', `The commit would be ${json.length} bytes; it may be ${context.commitBytesMax}.`, { bytes: json.length, max: context.commitBytesMax });
  }
  const seq = context.head.seq + events.length;
  const committed = { commitSeq, events: events.map((event) => event.envelope), cursor: `${context.logId}.${seq}` };
  return {
    commit: commitSeq,
    seq: record.seq,
    hasEvents: events.length > 0,
    json,
    puts,
    deletes,
    forgets,
    trims,
    events,
    answer,
    committed,
  };
}

function answerBody({ body }: NonNullable<Commit['answer']>, events: StoredEvent[]): unknown {
  return typeof body === 'function' ? (body as (events: EventEnvelope[]) => unknown)(events.map((event) => event.envelope)) : body;
}

function loggedPut(put: NonNullable<Commit['puts']>[number], { collections, pending }: CommitContext, copies: Map<object, object>): LoggedPut {
  const { schemaVersion } = collections.spec(put.collection);
  collections.assertStorable(put, put.doc);
  return { collection: put.collection, id: put.id, schemaVersion, doc: frozenCopy(put.doc, copies), ...(pending.has(put.collection, put.id) ? {} : { created: true }) };
}

function numbered(events: NewEvent[], context: CommitContext, copies: Map<object, object>): StoredEvent[] {
  const sessionSeqs = new Map<string, number>();
  return events.map((event, position) => {
    const seq = context.head.seq + 1 + position;
    const { type, timestamp, projectId, sessionId, taskId, data } = event;
    const envelope: EventEnvelope = {
      seq,
      cursor: `${context.logId}.${seq}`,
      id: `evt_${context.logId}-${seq}`,
      type,
      timestamp,
      commitEnd: position === events.length - 1,
      ...(projectId === undefined ? {} : { projectId }),
      ...(sessionId === undefined ? {} : { sessionId }),
      ...(taskId === undefined ? {} : { taskId }),
      data: frozenCopy(data, copies),
    };
    if (sessionId !== undefined) {
      if (!isId(sessionId)) throw new AppError('VALIDATION_FAILED', 'An event has an invalid sessionId.');
      envelope.sessionSeq = (sessionSeqs.get(sessionId) ?? context.sessionSeq(sessionId)) + 1;
      sessionSeqs.set(sessionId, envelope.sessionSeq);
    }
    return storedEvent(Object.freeze(envelope));
  });
}

function trimsOf(ids: string[], { sessionEvents, sessionSeq }: CommitContext): SessionTrim[] {
  if (sessionEvents === undefined) return [];
  if (!ids.every(isId)) throw new AppError('VALIDATION_FAILED', 'A session has an invalid id.');
  return ids.map((id) => ({ id, seq: sessionSeq(id) })).filter(({ seq }) => seq > 0);
}

/** Ids whose last document beside a session's events file this commit deletes. */
function endedSessions(puts: LoggedPut[], deletes: DocumentName[], context: CommitContext): string[] {
  const { sessionEvents, pending, collections } = context;
  if (sessionEvents === undefined) return [];
  const ids = new Set(deletes.map(({ id }) => id));
  return [...ids].filter((id) => {
    const dir = dirname(sessionEvents(id));
    const beside = (collection: string, doc: object | undefined): boolean =>
      doc !== undefined && dirname(collections.path(collection, id, doc)) === dir;
    const there = collections.names.filter((name) => beside(name, pending.get<object>(name, id)));
    const kept = there.filter((name) => !deletes.some((gone) => gone.collection === name && gone.id === id));
    return there.length > 0 && kept.length === 0 && !puts.some((put) => put.id === id && beside(put.collection, put.doc));
  });
}
