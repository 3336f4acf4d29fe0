import { decodeTime, monotonicFactory } from 'ulid';
import { ID_PREFIXES, type IdKind } from './id.js';

/**
 * Ids for a service: `<prefix>_<ULID>`, growing with every call even within one millisecond and when
 * the clock steps back. `now` is in ms since the epoch.
 */
export function newUlidSource(now: () => number): (kind: IdKind) => string {
  const ulid = monotonicFactory(newFractions());
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

/** Asked for 16 times an id: the library's own asks the system for each byte, which was a twentieth of a durable create. */
const RANDOM_BYTES = 1024;

/** Random fractions of 1, in steps of 1/256. */
function newFractions(): () => number {
  const bytes = new Uint8Array(RANDOM_BYTES);
  let used = RANDOM_BYTES;
  return () => {
    if (used === RANDOM_BYTES) {
      crypto.getRandomValues(bytes);
      used = 0;
    }
    used += 1;
    return bytes[used - 1] / 256;
  };
}
