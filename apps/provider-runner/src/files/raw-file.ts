import { appendFileSync, closeSync, existsSync, fstatSync, fsyncSync, openSync, readFileSync, readSync, rmSync, truncateSync } from 'node:fs';
import { writeFileAtomic } from '@orbitmesh/storage';

/**
 * Takes away the beginning of a run's output file, up to an offset that is journaled, while nothing
 * writes to it. What comes after the offset is kept aside first, so that a runner that dies at any
 * moment in here leaves all of it: `recoverRawFile` finishes the work.
 * @param base offset in the stream of the file's first byte
 * @param upTo what is to be its first byte
 */
export async function shortenRawFile(path: string, base: number, upTo: number): Promise<void> {
  const rest = readFrom(path, upTo - base);
  await writeFileAtomic(restPath(path), Buffer.concat([header(upTo), rest]));
  replaceContent(path, rest);
}

/** The new base is journaled: nothing needs to be finished any more. */
export function forgetRest(path: string): void {
  rmSync(restPath(path), { force: true });
}

/** What a former runner began. @returns the file's base: the given one, or that of the shortened file, to be journaled before `forgetRest` */
export function recoverRawFile(path: string, base: number): number {
  if (!existsSync(restPath(path))) return base;
  const kept = readFileSync(restPath(path));
  const upTo = Number(kept.readBigUInt64BE(0));
  // With the new base in the journal the agent may have gone on writing; only the file kept aside was left.
  if (upTo > base) replaceContent(path, kept.subarray(8));
  return Math.max(base, upTo);
}

function restPath(path: string): string {
  return `${path}.rest`;
}

function header(upTo: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(upTo));
  return bytes;
}

function readFrom(path: string, start: number): Buffer {
  const fd = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(Math.max(0, fstatSync(fd).size - start));
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(fd, bytes, at, bytes.length - at, start + at);
      if (count === 0) break;
      at += count;
    }
    return bytes;
  } finally {
    closeSync(fd);
  }
}

/** The agent appends to this very file, so it is emptied and filled again, never replaced by another. */
function replaceContent(path: string, content: Buffer): void {
  truncateSync(path, 0);
  appendFileSync(path, content);
  const fd = openSync(path, 'r');
  fsyncSync(fd);
  closeSync(fd);
}
