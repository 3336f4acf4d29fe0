import type { EventEnvelope } from '@orbitmesh/domain';
import type { CollectionSpec, Commit } from '../commit.js';
import type { Store } from '../store.js';

/** What a store shows, said as simply as possible: the model that the real one is compared with. */
export interface StoreModel {
  /** JSON by `collection/id`. */
  documents: ReadonlyMap<string, string>;
  events: readonly string[];
  sessions: ReadonlyMap<string, readonly string[]>;
  /** Deleted sessions. Ids are never used again, so nothing may follow. */
  ended: ReadonlySet<string>;
  /** How many of a session's first events are gone for good; in what is seen they are not among its events. */
  trimmed: ReadonlyMap<string, number>;
  answers: ReadonlyMap<string, unknown>;
  /** Events before this one were compacted away. */
  firstSeq: number;
}

/** The scope of every answer in a run. */
export const SCOPE = 'scope';

export const NOTHING: StoreModel = {
  documents: new Map(),
  events: [],
  sessions: new Map(),
  ended: new Set(),
  trimmed: new Map(),
  answers: new Map(),
  firstSeq: 1,
};

/** @param answersMax the oldest ones go when there are more */
export function afterCommit(before: StoreModel, commit: Commit, answersMax = Infinity): StoreModel {
  const documents = new Map(before.documents);
  const sessions = new Map(before.sessions);
  const ended = new Set(before.ended);
  const events = [...before.events];
  const trimmed = new Map(before.trimmed);
  for (const id of commit.trims ?? []) trimmed.set(id, sessions.get(id)?.length ?? 0);
  for (const { collection, id, doc } of commit.puts ?? []) documents.set(`${collection}/${id}`, JSON.stringify(doc));
  for (const { type, sessionId, data } of commit.events ?? []) {
    const ofSession = sessionId === undefined ? undefined : (sessions.get(sessionId) ?? []);
    const numbers = { seq: events.length + 1, sessionSeq: ofSession && ofSession.length + 1 };
    events.push(plainEvent({ type, data, ...numbers }));
    if (sessionId !== undefined && ofSession !== undefined) sessions.set(sessionId, [...ofSession, events[events.length - 1]]);
  }
  for (const { collection, id } of commit.deletes ?? []) {
    const existed = documents.delete(`${collection}/${id}`);
    if (collection !== 'sessions' || !existed) continue;
    sessions.delete(id);
    ended.add(id);
  }
  const answers = new Map(before.answers);
  if (commit.answer !== undefined) {
    answers.delete(commit.answer.key);
    answers.set(commit.answer.key, commit.answer.body);
    for (const key of [...answers.keys()].slice(0, Math.max(0, answers.size - answersMax))) answers.delete(key);
  }
  return { documents, events, sessions, ended, trimmed, answers, firstSeq: 1 };
}

/** The sessions and the answers to ask a store for: all that any of these models has. */
export interface Asked {
  sessions: ReadonlySet<string>;
  answers: ReadonlySet<string>;
}

export function everythingOf(models: StoreModel[]): Asked {
  return {
    sessions: new Set(models.flatMap((model) => [...model.sessions.keys()])),
    answers: new Set(models.flatMap((model) => [...model.answers.keys()])),
  };
}

/** What the store shows, of everything that is asked for. A log that is damaged may lack its first events. */
export async function observe(store: Store, collections: CollectionSpec[], asked: Asked, log: 'whole' | 'damaged' = 'whole'): Promise<StoreModel> {
  const documents = new Map<string, string>();
  for (const { name } of collections) {
    for (const doc of store.durable.list<{ id: string }>(name)) documents.set(`${name}/${doc.id}`, JSON.stringify(doc));
  }
  const { items } = await store.readEvents({ limit: 1_000 });
  const firstSeq = items[0]?.seq ?? store.head().seq + 1;
  if (firstSeq > 1 && log === 'whole') await assertGone(store, firstSeq - 2);
  const sessions = new Map<string, string[]>();
  for (const id of asked.sessions) {
    const page = await store.readSessionEvents(id, { limit: 1_000 });
    if (page.items.length > 0) sessions.set(id, page.items.map(plainEvent));
  }
  const answers = new Map<string, unknown>();
  for (const key of asked.answers) {
    const answer = store.idempotency.lookup(SCOPE, key);
    if (answer !== undefined) answers.set(key, answer.body);
  }
  return { documents, events: items.map(plainEvent), sessions, ended: new Set(), trimmed: new Map(), answers, firstSeq };
}

/** What is different, or undefined. */
export function difference(expected: StoreModel, seen: StoreModel): string | undefined {
  let byExpected = compared.get(expected);
  if (byExpected === undefined) compared.set(expected, (byExpected = new WeakMap()));
  let found = byExpected.get(seen);
  if (found === undefined) byExpected.set(seen, (found = { difference: compare(expected, seen) }));
  return found.difference;
}

/** As `difference`; the log of the later one may have been compacted meanwhile. */
export function lateDifference(before: StoreModel, after: StoreModel): string | undefined {
  if (before === after) return undefined;
  if (after.firstSeq < before.firstSeq) return `events from ${before.firstSeq} expected, from ${after.firstSeq} seen`;
  // Numbers begin with 1 in a model that is compared with.
  const gone = Array.from({ length: before.firstSeq - 1 }, () => '');
  return difference({ ...before, events: [...gone, ...before.events], firstSeq: 1 }, after);
}

/** Gives all that are the same as one. */
export class Shown {
  private readonly all = new Map<string, StoreModel>();

  once(model: StoreModel): StoreModel {
    const text = `${model.firstSeq} ${partsOf(model).map(([, json]) => json).join(' ')}`;
    let known = this.all.get(text);
    if (known === undefined) this.all.set(text, (known = model));
    return known;
  }
}

/** The same ones are compared again and again. */
const compared = new WeakMap<StoreModel, WeakMap<StoreModel, { difference: string | undefined }>>();

function compare(expected: StoreModel, seen: StoreModel): string | undefined {
  const found = partsOf(seen);
  const wanted = partsOf({ ...expected, events: expected.events.slice(seen.firstSeq - 1) });
  for (const [position, [name, json]] of wanted.entries()) {
    const [, other] = found[position];
    if (json !== other) return `${name}: ${json} expected, ${other} seen`;
  }
  return undefined;
}

function partsOf({ documents, events, sessions, trimmed, answers }: StoreModel): [name: string, json: string][] {
  return [
    ['documents', sorted(documents)],
    ['events', JSON.stringify(events)],
    ['sessions', sorted(keptOf(sessions, trimmed))],
    ['answers', sorted(answers)],
  ];
}

/** A session with no events left is as one without any. */
function keptOf(sessions: StoreModel['sessions'], trimmed: StoreModel['trimmed']): StoreModel['sessions'] {
  const kept = [...sessions].map(([id, events]) => [id, events.slice(trimmed.get(id) ?? 0)] as const);
  return new Map(kept.filter(([, events]) => events.length > 0));
}

/** A client that was there must be told that it missed something. */
async function assertGone(store: Store, after: number): Promise<void> {
  const outcome = await store.readEvents({ after, limit: 1 }).catch((error: unknown) => error);
  if ((outcome as { code?: string }).code !== 'CURSOR_GONE') throw new Error(`Events after ${after} are missing silently.`);
}

function plainEvent({ seq, type, data, sessionSeq }: Pick<EventEnvelope, 'seq' | 'type' | 'data' | 'sessionSeq'>): string {
  return JSON.stringify([seq, type, data, sessionSeq ?? null]);
}

function sorted(map: ReadonlyMap<string, unknown>): string {
  return JSON.stringify([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}
