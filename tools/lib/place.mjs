import { statSync } from 'node:fs';

/** Which directory it is, whatever it is called by now; a copy of it is another one (ADR-0023). Undefined when there is none. */
export function placeOf(dir) {
  const found = statSync(dir, { bigint: true, throwIfNoEntry: false });
  return found && `${found.ino}-${found.birthtimeNs}`;
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
