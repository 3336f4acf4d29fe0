import { recordAt } from '../log/record-lines.js';
import type { SnapshotFile } from '../snapshot-file.js';
import { deepFreeze } from './deep-freeze.js';

/** Where a document's line is in a snapshot, without its line feed; `docAt`: where in it the document begins. */
export interface LinePlace {
  start: number;
  bytes: number;
  docAt: number;
}

/** A document that the snapshot has as it is: it is read and parsed when somebody asks for it, and is not held (ADR-0035). */
export class KeptDocument {
  private start: number;
  private readonly bytes: number;
  private readonly docAt: number;

  /** @param summary what is known without a look at it */
  constructor(private file: SnapshotFile, { start, bytes, docAt }: LinePlace, readonly summary: object) {
    [this.start, this.bytes, this.docAt] = [start, bytes, docAt];
  }

  /** undefined when the snapshot is damaged just there. @throws STORAGE_READ */
  read(): object | undefined {
    const line = this.line();
    // The line's last byte closes what the document is in.
    return line && deepFreeze(JSON.parse(line.toString('utf8', this.docAt, line.length - 1)) as object);
  }

  /** As the snapshot has it, with its checksum. undefined when it is damaged. @throws STORAGE_READ */
  line(): Buffer | undefined {
    const line = this.file.read(this.start, this.bytes);
    return line.length === this.bytes && recordAt(line, 0, line.length) !== undefined ? line : undefined;
  }

  /** The same line is in another file. */
  moveTo(file: SnapshotFile, start: number): void {
    [this.file, this.start] = [file, start];
  }

  get size(): number {
    return this.bytes;
  }
}
