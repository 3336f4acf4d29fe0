import type { CollectionSpec, Commit } from '../commit.js';
import { commitsOf, type Step } from './crash-proof.js';
import { afterCommit, NOTHING, SCOPE, type StoreModel } from './store-model.js';

type Put = NonNullable<Commit['puts']>[number];
type NewEvent = NonNullable<Commit['events']>[number];

export const COLLECTIONS: CollectionSpec[] = [
  { name: 'tasks', schemaVersion: 1, path: (id, doc: { projectId: string }) => `tasks/${doc.projectId}/${id}.json`, summary: ['id', 'projectId'] },
  { name: 'sessions', schemaVersion: 1, path: (id) => `sessions/${id}/session.json` },
];

export function task(id: string, revision: number, projectId = 'p1'): Put {
  return { collection: 'tasks', id, doc: { id, projectId, revision } };
}

export function session(id: string, revision: number): Put {
  return { collection: 'sessions', id, doc: { id, revision } };
}

export function event(type: string, sessionId?: string): NewEvent {
  return { type, timestamp: '2026-01-01T00:00:00.000Z', data: { of: type }, ...(sessionId === undefined ? {} : { sessionId }) };
}

export function answer(key: string): Commit['answer'] {
  return { scope: SCOPE, key, bodyHash: 'h', status: 201, body: { key } };
}

/** A step of a run, the n-th, after what is there by then; undefined where it would do nothing. */
type Kind = (n: number, there: StoreModel) => Step | undefined;

/** A deleted one's id is never used again. */
function sessionId({ ended }: StoreModel): string {
  return ended.has('s1') ? 's2' : 's1';
}

function projectOf({ documents }: StoreModel): string | undefined {
  const json = documents.get('tasks/t1');
  return json === undefined ? undefined : (JSON.parse(json) as { projectId: string }).projectId;
}

function otherProject(there: StoreModel): string {
  return projectOf(there) === 'p1' ? 'p2' : 'p1';
}

function alone(commit: Commit): Step {
  return { commits: [commit] };
}

const put: Kind = (n, there) => alone({ puts: [task('t1', n, projectOf(there))], events: [event(`put${n}`)] });
const move: Kind = (n, there) => projectOf(there) === undefined ? undefined : alone({ puts: [task('t1', n, otherProject(there))] });
const remove: Kind = (n, there) => projectOf(there) === undefined ? undefined : alone({ deletes: [{ collection: 'tasks', id: 't1' }], events: [event(`removed${n}`)] });
const withSession: Kind = (n, there) => alone({ puts: [session(sessionId(there), n)], events: [event(`session${n}`, sessionId(there))] });
const events: Kind = (n, there) => alone({ events: [event(`a${n}`), event(`b${n}`, sessionId(there))] });
const forget: Kind = (n, there) => {
  const id = sessionId(there);
  return there.documents.has(`sessions/${id}`) ? alone({ deletes: [{ collection: 'sessions', id }], events: [event(`ended${n}`, id)] }) : undefined;
};
const trim: Kind = (n, there) => {
  const id = sessionId(there);
  return there.sessions.has(id) ? alone({ puts: [session(id, n)], events: [event(`trimmed${n}`, id)], trims: [id] }) : undefined;
};
const trimSilently: Kind = (_n, there) => {
  const id = sessionId(there);
  return there.sessions.has(id) ? alone({ trims: [id] }) : undefined;
};
const withAnswer: Kind = (n) => alone({ answer: answer(`k${n}`) });
const answeredAgain: Kind = (n, there) => there.answers.size > 0 ? alone({ puts: [task('t2', n)], answer: answer('k1') }) : undefined;
const everything: Kind = (n, there) => {
  const id = sessionId(there);
  return alone({ puts: [task('t1', n, otherProject(there)), task('t2', n), session(id, n)], events: [event(`all${n}`, id)], answer: answer(`k${n}`) });
};
const inOneBatch: Kind = (n, there) => ({
  commits: [
    { puts: [task('t1', n, otherProject(there))], events: [event(`first${n}`, sessionId(there))], answer: answer(`k${n}`) },
    { deletes: [{ collection: 'tasks', id: 't1' }], puts: [session(sessionId(there), n)] },
  ],
});
const rejected: Kind = (n) => ({ rejected: { puts: [task('t1', n)], events: [event(`never${n}`)], answer: answer(`k${n}`) } });
const killedBeforeSync: Kind = (n, there) => ({ killedBeforeSync: { puts: [task('t1', n, otherProject(there))], answer: answer(`k${n}`) } });

/** Every kind of commit, and what happens between them. */
export const KINDS: Record<string, Kind> = {
  put, move, remove, withSession, events, forget, trim, trimSilently, withAnswer, answeredAgain, everything, inOneBatch, rejected, killedBeforeSync,
  flush: () => 'flush',
  reopen: () => 'reopen',
  kill: () => 'kill',
};

/** Every sequence of so many steps; one that has a step that does nothing is a shorter one. */
export function* sequences(length: number): Generator<Step[]> {
  for (const { steps } of sequencesFrom({ steps: [], there: NOTHING }, length)) yield steps;
}

interface Sequence {
  steps: Step[];
  there: StoreModel;
}

function* sequencesFrom(before: Sequence, length: number): Generator<Sequence> {
  if (length === 0) {
    yield before;
    return;
  }
  for (const kind of Object.values(KINDS)) {
    const step = kind(before.steps.length + 1, before.there);
    if (step === undefined || (step === before.steps.at(-1))) continue;
    const commits = typeof step === 'string' || 'rejected' in step ? [] : commitsOf(step);
    const there = commits.reduce((model, commit) => afterCommit(model, commit), before.there);
    yield* sequencesFrom({ steps: [...before.steps, step], there }, length - 1);
  }
}
