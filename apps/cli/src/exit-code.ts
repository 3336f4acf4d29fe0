import { ApiError, UnreachableError } from '@orbitmesh/api-client';

/** design §8. */
export const EXIT = { ok: 0, failure: 1, usage: 2, notFound: 3, conflict: 4, unreachable: 5, refused: 6 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** What a failure of our own is called in JSON mode, beside the codes of the server. */
export const CODE_OF_EXIT: Readonly<Record<ExitCode, string>> = { 0: 'OK', 1: 'FAILURE', 2: 'USAGE', 3: 'NOT_FOUND', 4: 'CONFLICT', 5: 'NOT_RUNNING', 6: 'REFUSED' };

/** What is wrong with one field; `pointer` is RFC 6901. */
export interface FieldError { in?: string; pointer: string; detail: string }

/** A failure of our own that knows what it comes to. */
export class CliError extends Error {
  readonly code: string;
  /** What to do next. */
  readonly hint: string | undefined;
  readonly errors: readonly FieldError[];

  constructor(readonly exitCode: ExitCode, message: string, { code = CODE_OF_EXIT[exitCode], hint, errors = [] }: { code?: string; hint?: string; errors?: readonly FieldError[] } = {}) {
    super(message);
    this.name = 'CliError';
    this.code = code;
    this.hint = hint;
    this.errors = errors;
  }
}

const EXIT_OF_STATUS: Readonly<Record<number, ExitCode>> = {
  400: EXIT.usage, 401: EXIT.refused, 403: EXIT.refused, 404: EXIT.notFound, 409: EXIT.conflict, 412: EXIT.conflict, 413: EXIT.usage,
  422: EXIT.refused, 429: EXIT.unreachable, 502: EXIT.unreachable, 503: EXIT.unreachable, 504: EXIT.unreachable, 507: EXIT.unreachable,
};

/** 400 is usage: what was typed is wrong; 422 is refused: it was well-formed, and a rule says no. */
export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof CliError) return error.exitCode;
  if (error instanceof UnreachableError) return EXIT.unreachable;
  if (error instanceof ApiError) return EXIT_OF_STATUS[error.status] ?? EXIT.failure;
  return EXIT.failure;
}
