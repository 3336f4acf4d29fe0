import { AppError, StorageWriteError } from '@orbitmesh/domain';

const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** Any error of a write as the spec's `ErrStorageWrite`: STORAGE_FULL when the disk is, else STORAGE_WRITE. */
export function toStorageError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  return new StorageWriteError(error, code !== undefined && FULL.has(code) ? 'STORAGE_FULL' : 'STORAGE_WRITE', {
    ...(code === undefined ? {} : { errno: code }),
  });
}

/** Any error of a read as STORAGE_READ. The file itself is not named: that is in the log, with the cause. */
export function toReadError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const { code } = error as NodeJS.ErrnoException;
  return new AppError('STORAGE_READ', undefined, code === undefined ? {} : { errno: code }, { cause: error });
}

/** A write that claimed more than it did: seen in the wild on nearly full disks (facts §2.2). */
export class ShortWriteError extends Error {
  constructor(path: string, expected: number, found: number) {
    super(`${path} has ${found} bytes instead of ${expected}.`);
    this.name = 'ShortWriteError';
  }
}

/** One sentence about an error, for health and for reasons; never its stack. */
export function reasonOf(error: unknown): string {
  if (error instanceof AppError && error.cause !== undefined) return `${error.code}: ${reasonOf(error.cause)}`;
  return error instanceof Error ? error.message : String(error);
}
