import { isDeepStrictEqual } from 'node:util';
import type { DocumentName } from '../collections.js';
import type { LoggedPut, LogRecord } from '../log/log-record.js';
import { documentKey } from '../projection/document-files.js';
import type { DocumentTables } from '../view/view.js';

/** Why it is in quarantine. */
export const EDITED_BY_HAND = 'was edited by hand while nobody was there';

/** A file whose document no commit after the checkpoint touches. */
export interface ReadFile {
  name: DocumentName;
  path: string;
}

/**
 * What was written into a document's file by hand is not in force before somebody says so (`doctor --adopt`): it has no revision and no
 * event, and nobody has checked it. Where the log still has the document, what it has counts.
 * It needs no clock.
 *
 * @returns what the log has of each document whose file says something else; undefined: it was deleted
 */
export function findEdits(files: readonly ReadFile[], documents: DocumentTables, records: Iterable<LogRecord>, damaged: () => boolean): Map<ReadFile, LoggedPut | undefined> {
  const last = lastStates(new Set(files.map(({ name }) => documentKey(name))), records);
  return new Map(files.flatMap((file): [ReadFile, LoggedPut | undefined][] => {
    const doc = documents.get<object>(file.name.collection, file.name.id);
    const state = last.get(documentKey(file.name));
    // What the log does not know any more has its file as its only record.
    if (doc === undefined || state === undefined) return [];
    if (state === 'deleted') return damaged() ? [] : [[file, undefined]];
    const same = isDeepStrictEqual(state.doc, doc) || (damaged() && (revisionOf(doc) > revisionOf(state.doc) || revisionOf(doc) === Infinity));
    return same ? [] : [[file, state]];
  }));
}

/** What the records say last of these documents. */
export function lastStates(keys: ReadonlySet<string>, records: Iterable<LogRecord>): Map<string, LoggedPut | 'deleted'> {
  const last = new Map<string, LoggedPut | 'deleted'>();
  for (const { puts = [], deletes = [] } of records) {
    for (const put of puts) if (keys.has(documentKey(put))) last.set(documentKey(put), put);
    for (const name of deletes) if (keys.has(documentKey(name))) last.set(documentKey(name), 'deleted');
  }
  return last;
}

/** One that does not say its revision may be the newest there is. */
function revisionOf(doc: object): number {
  return (doc as { revision?: number }).revision ?? Infinity;
}
