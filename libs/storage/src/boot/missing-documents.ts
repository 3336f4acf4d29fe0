import type { DocumentName } from '../collections.js';
import type { DurableState } from '../durable-state.js';
import type { LoggedPut, LogRecord } from '../log/log-record.js';
import { documentKey } from '../projection/document-files.js';

/**
 * How many documents there should be: a checkpoint counts those of its head, and what the log did around and after that
 * moment is known, so a file that somebody took away while nobody was there shows as a number that is too small.
 */
export class ReplayedDocuments {
  /** Of each document that a record touched: was it there when the checkpoint was written? */
  private readonly thereThen = new Map<string, boolean>();
  private readonly loaded: number;
  private loadedAndTouched = 0;

  /** @param headCommit the head of the checkpoint */
  constructor(private readonly state: DurableState, private readonly headCommit: number) {
    this.loaded = state.documentCount;
  }

  has(name: DocumentName): boolean {
    return this.thereThen.has(documentKey(name));
  }

  /** Before the record is applied. */
  saw({ commit, puts = [], deletes = [] }: LogRecord): void {
    for (const put of puts) this.touch(put, commit <= this.headCommit ? true : undefined, put.created !== true);
    for (const name of deletes) this.touch(name, commit <= this.headCommit ? false : undefined, true);
  }

  /**
   * @param counted by the checkpoint
   * @param broughtBack of the files: what is no document any more, and was when it was loaded
   */
  missing(counted: number, broughtBack: number): number {
    const then = [...this.thereThen.values()].filter(Boolean).length;
    return Math.max(0, counted - (this.loaded - this.loadedAndTouched - broughtBack) - then);
  }

  private touch(name: DocumentName, known: boolean | undefined, before: boolean): void {
    const key = documentKey(name);
    if (!this.thereThen.has(key) && this.state.has(name)) this.loadedAndTouched += 1;
    if (known !== undefined || !this.thereThen.has(key)) this.thereThen.set(key, known ?? before);
  }
}

/** The last state of a document in the log. */
export interface LoggedDocument {
  put: LoggedPut;
  commit: number;
}

/** The last state of each document that the log has and nobody else. */
export function findMissing(state: DurableState, records: Iterable<LogRecord>): LoggedDocument[] {
  const found = new Map<string, LoggedDocument>();
  for (const { commit, puts = [], deletes = [] } of records) {
    for (const put of puts) if (!state.has(put)) found.set(documentKey(put), { put, commit });
    for (const name of deletes) found.delete(documentKey(name));
  }
  return [...found.values()];
}
