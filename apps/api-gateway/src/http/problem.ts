import { AppError, ERROR_CODES, type ErrorCode } from '@orbitmesh/domain';
import { HTTP_STATUS } from '@orbitmesh/contracts';
import { RETRY_AFTER_SECONDS } from '../limits.js';
import { SECURITY_HEADERS } from './security-headers.js';

export const PROBLEM_TYPE = 'application/problem+json';

/** RFC 9457, with our own members beside. */
export interface Problem {
  status: number;
  headers: Record<string, string>;
  body: Record<string, unknown>;
}

/** Codes for what the framework refuses before our code sees it. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'VALIDATION_FAILED', 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN', 404: 'NOT_FOUND', 405: 'METHOD_NOT_ALLOWED', 408: 'VALIDATION_FAILED', 413: 'BODY_TOO_LARGE',
  414: 'NOT_FOUND', 415: 'UNSUPPORTED_MEDIA_TYPE', 429: 'TOO_MANY_REQUESTS', 431: 'VALIDATION_FAILED', 503: 'UNAVAILABLE',
};
/** What a 5xx may say beside its code: nothing of our insides. */
const PUBLIC_DETAILS_OF_5XX = ['checks', 'problems', 'runnerTold'];

/** Any error → an AppError; what nobody foresaw becomes INTERNAL, with its cause kept for the log. */
export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  const status = statusOf(error);
  if (status === null || (status >= 500 && status !== 503)) return new AppError('INTERNAL', undefined, {}, { cause: error });
  const code = CODE_OF_STATUS[status] ?? 'VALIDATION_FAILED';
  // Texts of the framework may quote the request; they say nothing a pointer would not.
  return new AppError(code, code === 'VALIDATION_FAILED' ? 'The request is not well-formed HTTP for this API.' : undefined, {}, { cause: error });
}

export function problemOf(error: AppError, traceId: string): Problem {
  const status = HTTP_STATUS[error.code];
  const internal = status >= 500;
  const details = internal ? Object.fromEntries(Object.entries(error.details).filter(([key]) => PUBLIC_DETAILS_OF_5XX.includes(key))) : error.details;
  const headers: Record<string, string> = { ...SECURITY_HEADERS, 'content-type': PROBLEM_TYPE };
  if (status === 429 || status === 503) headers['retry-after'] = String(RETRY_AFTER_SECONDS);
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="orbitmesh"';
  const body = {
    ...details,
    type: `urn:orbitmesh:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title: ERROR_CODES[error.code].summary,
    status,
    code: error.code,
    detail: internal ? detailOf5xx(error) : error.message,
    traceId,
  };
  return { status, headers, body };
}

/** Words of our own alone. `runnerTold`: what became of a stop or kill that the disk did not take. */
function detailOf5xx({ code, details: { runnerTold } }: AppError): string {
  const { summary } = ERROR_CODES[code];
  if (typeof runnerTold !== 'boolean') return summary;
  return `${summary} The wish was not recorded; the runner ${runnerTold ? 'was told to end it' : 'could not be told to end it either'}.`;
}

function statusOf(error: unknown): number | null {
  if (typeof error !== 'object' || error === null) return null;
  const { statusCode, getStatus } = error as { statusCode?: unknown; getStatus?: () => unknown };
  const status = typeof statusCode === 'number' ? statusCode : typeof getStatus === 'function' ? getStatus.call(error) : null;
  return typeof status === 'number' && status >= 400 ? status : null;
}
