import { ERROR_CODES, type ErrorCode } from '@orbitmesh/domain';
import { HTTP_STATUS } from './http-status.js';

/** `docs/error-codes.md`, rendered from the table the code itself uses. */
export function renderErrorCodes(): string {
  const codes = (Object.keys(ERROR_CODES) as ErrorCode[]).sort((a, b) => HTTP_STATUS[a] - HTTP_STATUS[b] || (a < b ? -1 : 1));
  return [
    '# Error codes',
    '',
    'Generated from `libs/domain` and `libs/contracts` by `node tools/gen.mjs`; do not edit. Every error answer is `application/problem+json` with',
    'one of these in `code`. *Retryable* means that the same request may succeed later without a change; send it with the same `Idempotency-Key`.',
    '',
    '| status | code | retryable | meaning |',
    '| --- | --- | --- | --- |',
    ...codes.map((code) => `| ${HTTP_STATUS[code]} | \`${code}\` | ${ERROR_CODES[code].retryable ? 'yes' : ''} | ${ERROR_CODES[code].summary} |`),
    '',
  ].join('\n');
}
