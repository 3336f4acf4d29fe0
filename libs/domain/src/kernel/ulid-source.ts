import { decodeTime, monotonicFactory } from 'ulid';
import { ID_PREFIXES, type IdKind } from './id.js';

/**
 * Ids for a service: `<prefix>_<ULID>`, growing with every call even within one millisecond and when
 * the clock steps back. `now` is in ms since the epoch.
 */
export function newUlidSource(now: () => number): (kind: IdKind) => string {
  const ulid = monotonicFactory();
  let newest = 0;
  return (kind) => {
    newest = Math.max(newest, now());
    return `${ID_PREFIXES[kind]}_${ulid(newest)}`;
  };
}

/** When an id was made, ms since the epoch; 0 for one that holds no ULID. */
export function idTime(id: string): number {
  const ulid = id.slice(id.indexOf('_') + 1);
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(ulid) ? decodeTime(ulid) : 0;
}
