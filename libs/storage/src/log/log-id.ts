import { randomInt } from 'node:crypto';

/**
 * A log's name, the first part of every cursor: `<installationId>-<n>`. A log that goes on from something older than what its
 * clients may have seen gets another one, `<installationId>-<n>_<random>`: without chance in it, two restores of the
 * same backup would give the same cursors to different events.
 */
export function firstLogId(installationId: string): string {
  return `${installationId}-1`;
}

export function nextLogId(logId: string): string {
  const n = /^\d+/.exec(logId.slice(logId.lastIndexOf('-') + 1))?.[0] ?? '0';
  const chance = randomInt(32 ** 6).toString(32).padStart(6, '0');
  return `${installationOf(logId)}-${Number(n) + 1}_${chance}`;
}

export function installationOf(logId: string): string {
  return logId.slice(0, logId.lastIndexOf('-'));
}

/** From an event on, a log goes by this name. */
export interface Era {
  logId: string;
  firstSeq: number;
}

/**
 * The names of a log, oldest first. A cursor is good as long as what was seen by it is part of this log: up to where the next name
 * begins. What an older home had written after that point, and lost in a restore, is of the old name and beyond it:
 * such a cursor is gone for ever, also when the numbers come to it again (ADR-0021).
 */
export class Eras {
  constructor(private readonly eras: readonly Era[]) {}

  /** Is everything up to `seq`, in the log of that name, in this one? */
  covers(logId: string, seq: number): boolean {
    const at = this.eras.findIndex((era) => era.logId === logId);
    const next = this.eras[at + 1];
    return at !== -1 && (next === undefined || seq < next.firstSeq);
  }
}
