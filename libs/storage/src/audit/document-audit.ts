import { isDeepStrictEqual } from 'node:util';
import { join } from 'node:path';
import type { Collections } from '../collections.js';
import type { StorageFs } from '../fs/storage-fs.js';
import { EDITED_FIELDS_TOLD_MAX } from '../limits.js';
import type { LoggedPut } from '../log/log-record.js';
import { documentKey } from '../projection/document-files.js';
import type { DocumentState, LogStates } from './log-states.js';
import type { Finding } from './store-audit.js';
import { readContent, type FileState, type StoreFiles } from './store-files.js';

export interface DocumentAuditParts {
  fs: StorageFs;
  root: string;
  collections: Collections;
  files: StoreFiles;
  states: LogStates;
  /** Every file of commits up to this one was written. */
  covered: number;
}

type GoodFile = Exclude<FileState, { problem: string }>;

/** Each document's file against what the log says of it. */
export class DocumentAudit {
  readonly findings: Finding[] = [];
  good = 0;
  behind = 0;
  unrecorded = 0;
  /** Where the log has each document that is not deleted. */
  private readonly expected = new Map<string, string>();
  /** Files that differ from all that the log knows, by the document's key. */
  private readonly differing = new Map<string, string>();

  constructor(private readonly parts: DocumentAuditParts) {
    const { files, states } = parts;
    for (const [key, [...all]] of states.documents) {
      const last = all[all.length - 1];
      if (last.digest !== undefined) this.expected.set(last.path, key);
    }
    for (const [path, file] of files.documents) this.look(path, file);
    for (const [path, key] of this.expected) if (!files.documents.has(path)) this.lookForMissing(path, key);
    for (const path of files.others) if (!this.expected.has(path)) this.tell('no-file', path, 'is a link or a device, which is not followed', null);
    this.tellEdits();
  }

  private look(path: string, file: FileState): void {
    const key = this.expected.get(path);
    if ('problem' in file) return this.tell('damaged', path, file.problem, key === undefined ? 'aside' : 'rebuild');
    if (key !== undefined) return this.compare(path, key, file);
    const { name, schemaVersion } = file;
    if (name === undefined) {
      // What has no version is nobody's document: somebody's notes.
      if (schemaVersion !== undefined) this.tell('misplaced', path, 'is not where its content belongs', 'aside');
      return;
    }
    this.lookAtUnexpected(path, documentKey(name), file);
  }

  private compare(path: string, key: string, file: GoodFile): void {
    const { states, covered } = this.parts;
    if (this.isNewer(path, file)) return;
    const all = states.documents.get(key) as DocumentState[];
    const last = all[all.length - 1];
    const at = all.findLastIndex((state) => state.digest === file.digest);
    if (at === all.length - 1) this.good += 1;
    else if (at !== -1 && all[at + 1].commit > covered) this.behind += 1;
    else if (at !== -1) this.tell('older', path, 'shows an older state than the log', 'rebuild');
    else if (!states.complete && all[0].commit > covered && (file.revision ?? 0) < (all[0].revision ?? Infinity)) this.behind += 1;
    else if (!states.whole && (file.revision ?? Infinity) > (last.revision ?? 0)) this.tell('ahead', path, 'is newer than the damaged log; it is the only record of that', null);
    else this.differing.set(key, path);
  }

  private lookAtUnexpected(path: string, key: string, file: GoodFile): void {
    const { states, covered } = this.parts;
    const all = states.documents.get(key);
    const last = all?.at(-1);
    if (last === undefined && this.isNewer(path, file)) return;
    if (last === undefined && states.complete) this.tell('unknown', path, 'was never committed: the log does not know it', 'aside');
    else if (last === undefined && file.lacks !== undefined) this.tell('damaged', path, `has no ${file.lacks} that can be used`, 'aside');
    else if (last === undefined) this.unrecorded += 1;
    else if (last.commit > covered) this.behind += 1;
    else if (last.digest === undefined) this.tell('deleted', path, 'was deleted, says the log', states.whole ? 'aside' : null);
    else this.tell('misplaced', path, `is a copy: its document is ${last.path}`, 'aside');
  }

  private lookForMissing(path: string, key: string): void {
    const { files, states, covered } = this.parts;
    const last = states.documents.get(key)?.at(-1) as DocumentState;
    if (files.others.has(path) || files.directories.has(path)) this.tell('no-file', path, 'is not a regular file; links are not followed', 'rebuild');
    else if (last.commit > covered) this.behind += 1;
    else if (states.whole) this.tell('missing', path, 'is missing', 'rebuild');
    else this.tell('missing', path, 'is missing, unless the damaged log has lost its deletion', null);
  }

  private isNewer(path: string, { name, schemaVersion }: GoodFile): boolean {
    const known = name && this.parts.collections.spec(name.collection).schemaVersion;
    if (known === undefined || (schemaVersion ?? 0) <= known) return false;
    this.tell('newer', path, `was written by a newer version (${schemaVersion})`, null);
    return true;
  }

  /** An edit is told by its fields; what is only laid out in another way is none. */
  private tellEdits(): void {
    const { fs, root, states, collections } = this.parts;
    const bodies = states.bodiesOf(new Set(this.differing.keys()));
    for (const [key, path] of this.differing) {
      const put = bodies.get(key);
      const read = readContent(fs, join(root, path));
      if (put === undefined || read === undefined || 'problem' in read) continue;
      const fields = differences(put, read.content);
      if (fields.length === 0 && !collections.spec(put.collection).plain) this.good += 1;
      else this.tell('edited', path, `was edited by hand${fieldsText(fields)}`, 'rebuild');
    }
  }

  private tell(kind: Finding['kind'], file: string, problem: string, remedy: Finding['remedy']): void {
    this.findings.push({ kind, file, problem, remedy });
  }
}

function differences({ doc, schemaVersion }: LoggedPut, content: Record<string, unknown>): string[] {
  const logged: Record<string, unknown> = { schemaVersion, ...doc };
  // A plain document has no version of ours in it.
  const found: Record<string, unknown> = { schemaVersion, ...content };
  return [...new Set([...Object.keys(logged), ...Object.keys(found)])].filter((key) => !isDeepStrictEqual(logged[key], found[key]));
}

function fieldsText(fields: string[]): string {
  const more = fields.length - EDITED_FIELDS_TOLD_MAX;
  if (fields.length === 0) return '';
  return `: ${fields.slice(0, EDITED_FIELDS_TOLD_MAX).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
