import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Refusal, shortPath } from './say.mjs';

let counter = 0;

/** Replaces a file in one step, readable by its owner only unless told otherwise. No fsync: for what only matters while we run. */
export function replaceFile(path, text, mode = 0o600) {
  const temp = `${path}.${process.pid}.${counter++}.tmp`;
  try {
    writeFileSync(temp, text, { mode, flag: 'wx' });
    renameSync(temp, path);
  } catch (error) {
    // A full disk takes the name and refuses the bytes.
    rmSync(temp, { force: true });
    throw error;
  }
}

/** Why a directory takes no file, with what a person can do about it. */
const CANNOT_WRITE = {
  ENOSPC: ['no space is left on its disk', 'Make room'],
  EDQUOT: ['the disk quota is used up', 'Make room'],
  EFBIG: ['the limit on the size of a file is too low', 'Raise it (ulimit -f)'],
  EROFS: ['its file system is read-only', 'Make it writable'],
  EACCES: ['permission denied', 'Change its permissions'],
  EPERM: ['permission denied', 'Change its permissions'],
  ENOTDIR: ['a part of that path is a file', 'Move the file away'],
};
const FILE_CALLS = ['mkdir', 'open', 'write', 'rename', 'link', 'unlink', 'scandir'];

/**
 * A failure to write below a directory as one sentence; any other error as it is.
 * @param {string} otherwise what a person can do instead, as the end of a sentence
 */
export function asRefusalToWrite(error, dir, otherwise) {
  const known = FILE_CALLS.includes(error.syscall) ? CANNOT_WRITE[error.code] : undefined;
  return known ? new Refusal(`Cannot write to ${shortPath(dir)}: ${known[0]}. ${known[1]}, ${otherwise}.`) : error;
}

/** @returns {string | null} null when there is no such file */
export function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return null;
    throw error;
  }
}

/** @returns {any} null when there is no such file or it is not JSON */
export function readJsonIfThere(path) {
  const text = readIfThere(path);
  if (text === null) return null;
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
