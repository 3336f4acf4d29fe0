import { AppError } from '@orbitmesh/domain';
import { toReadError } from './fs/storage-error.js';
import type { OpenedFile, StorageFs } from './fs/storage-fs.js';
import { SNAPSHOT_CHUNK_BYTES } from './limits.js';

export const SNAPSHOT_FILE = 'snapshot.ndjson';
export const LINE_FEED = 0x0a;

export interface SnapshotLine {
  /** Where it begins in the file. */
  start: number;
  /** Without its line feed. */
  bytes: Buffer;
  /** It has one: a file that was cut short ends without. */
  whole: boolean;
}

/** A snapshot that documents are read from one by one. It stays open, and so readable when the next one has its name. */
export class SnapshotFile {
  private closed = false;

  private constructor(private readonly file: OpenedFile) {}

  /** @throws the error of the file system */
  static open(fs: StorageFs, path: string): SnapshotFile {
    return new SnapshotFile(fs.openSync(path));
  }

  /** @throws STORAGE_READ, also when it is closed: then the next one has the document, or nobody */
  read(start: number, length: number): Buffer {
    if (this.closed) throw new AppError('STORAGE_READ', 'The snapshot was replaced while it was read.');
    try {
      return this.file.read(start, length);
    } catch (error) {
      throw toReadError(error);
    }
  }

  /** A piece of the file at a time, whatever its size is. @throws the error of the file system */
  *lines(): Generator<SnapshotLine> {
    const { file } = this;
    let rest: Buffer = Buffer.alloc(0);
    let start = 0;
    for (let offset = 0; offset < file.size; ) {
      const chunk = file.read(offset, SNAPSHOT_CHUNK_BYTES);
      if (chunk.length === 0) break;
      offset += chunk.length;
      const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
      let from = 0;
      for (let feed = bytes.indexOf(LINE_FEED, rest.length); feed !== -1; feed = bytes.indexOf(LINE_FEED, from)) {
        yield { start, bytes: bytes.subarray(from, feed), whole: true };
        start += feed + 1 - from;
        from = feed + 1;
      }
      rest = bytes.subarray(from);
    }
    if (rest.length > 0) yield { start, bytes: rest, whole: false };
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.file.close();
  }
}
