import { readFileSync, renameSync, writeFileSync } from 'node:fs';

let counter = 0;

/** Replaces a file in one step, readable by its owner only. No fsync: for what only matters while we run. */
export function replaceFile(path, text) {
  const temp = `${path}.${process.pid}.${counter++}.tmp`;
  writeFileSync(temp, text, { mode: 0o600, flag: 'wx' });
  renameSync(temp, path);
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
