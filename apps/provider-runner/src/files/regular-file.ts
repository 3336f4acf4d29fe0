import { closeSync, constants, fstatSync, openSync, readSync, statSync } from 'node:fs';

/** To write a file in a directory that is an agent's as well: a FIFO that it put in its place is not waited for, nor a link followed. */
export const UNWAITED = constants.O_WRONLY | constants.O_CREAT | constants.O_NONBLOCK | constants.O_NOFOLLOW;

/**
 * Reads a file that somebody else put there, without ever waiting for it: a FIFO or a device of that
 * name would block this process for good, or do something when it is opened.
 * @returns undefined when it is no regular file, or is larger than `bytesMax`
 * @throws the system's error when it cannot be read, e.g. ENOENT
 */
export function readRegularFile(path: string, bytesMax: number): Buffer | undefined {
  if (!statSync(path).isFile()) return undefined;
  // It may have become another one meanwhile: opened without blocking, and looked at once more.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  try {
    if (!fstatSync(fd).isFile()) return undefined;
    // One byte more than allowed tells a larger file, also one that grows while it is read.
    const bytes = Buffer.alloc(bytesMax + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) count = readSync(fd, bytes, length, bytes.length - length, length);
    return length > bytesMax ? undefined : bytes.subarray(0, length);
  } finally {
    closeSync(fd);
  }
}
