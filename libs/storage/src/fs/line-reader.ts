import type { StorageFile } from '../fs/storage-fs.js';

export interface FileLine {
  /** Where it begins in the file. */
  offset: number;
  /** Without its line feed. */
  bytes: Buffer;
}

const CHUNK_BYTES = 256 * 1024;

/** The complete lines of a file between two offsets, read in chunks. */
export async function* readLines(file: StorageFile, from: number, to: number): AsyncGenerator<FileLine[]> {
  let rest: Buffer = Buffer.alloc(0);
  for (let at = from; at < to; ) {
    const chunk = await file.read(at, Math.min(CHUNK_BYTES, to - at));
    if (chunk.length === 0) return;
    const base = at - rest.length;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    at += chunk.length;
    const lines: FileLine[] = [];
    let start = 0;
    for (let feed = bytes.indexOf(0x0a); feed !== -1; feed = bytes.indexOf(0x0a, start)) {
      lines.push({ offset: base + start, bytes: bytes.subarray(start, feed) });
      start = feed + 1;
    }
    rest = bytes.subarray(start);
    if (lines.length > 0) yield lines;
  }
}
