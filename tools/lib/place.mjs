import { readlinkSync, statSync } from 'node:fs';

/** Of one that cannot be looked at now. */
const UNKNOWN = 'unknown';

/** Which directory it is, whatever it is called by now; a copy of it is another one (ADR-0023). Undefined when there is none. */
export function placeOf(dir) {
  try {
    const found = statSync(dir, { bigint: true, throwIfNoEntry: false });
    return found && `${found.ino}-${found.birthtimeNs}`;
  } catch (error) {
    return error.code === 'ENOTDIR' ? undefined : UNKNOWN;
  }
}

/**
 * Is that surely not the directory any more that it was? By when it was born: its number may change on some layered file
 * systems, and counts only where the time is not known.
 */
export function isNoMore(place, dir) {
  const now = placeOf(dir);
  if (now === undefined || now === UNKNOWN) return now === undefined;
  const [[inode, birth], [inodeNow, birthNow]] = [place.split('-'), now.split('-')];
  return birth === '0' || birthNow === '0' ? inode !== inodeNow : birth !== birthNow;
}

/**
 * Says a record that it was written in another directory than this one? Then it came here with a copy of that, and is
 * nobody's. One that does not say where it was written is of an older version, and believed.
 * @param {string} dir where it lies
 * @param {{ place?: string } | null} record
 */
export function isCopied(dir, record) {
  return typeof record?.place === 'string' && record.place !== placeOf(dir);
}

/** What the directory behind a descriptor is called by now. Undefined where nobody can tell (no /proc). */
export function whereIsNow(fd) {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined;
  }
}
