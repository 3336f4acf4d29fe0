import { ERROR_CODES, type ErrorCode } from './error-codes.js';

/** JSON that may cross a process border beside an error's code. */
export type ErrorDetails = Record<string, unknown>;

/**
 * The one error that crosses our borders: `code`, a message for people, `details` for programs.
 * The `cause` stays in the process that met it.
 */
export class AppError extends Error {
  constructor(
    readonly code: ErrorCode,
    message: string = ERROR_CODES[code].summary,
    readonly details: ErrorDetails = {},
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }

  get retryable(): boolean {
    return ERROR_CODES[this.code].retryable;
  }
}

/** The spec's `ErrSessionNotFound`. */
export class SessionNotFoundError extends AppError {
  constructor(readonly sessionId: string) {
    super('SESSION_NOT_FOUND', `There is no session ${sessionId}.`, { sessionId });
  }
}

/** The spec's `ErrStorageWrite`: nothing was written; `cause` is the error of the file system. */
export class StorageWriteError extends AppError {
  constructor(cause: unknown, code: 'STORAGE_WRITE' | 'STORAGE_FULL' = 'STORAGE_WRITE', details: ErrorDetails = {}) {
    super(code, undefined, details, { cause });
  }
}
