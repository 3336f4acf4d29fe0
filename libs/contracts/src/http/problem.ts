import type { ErrorCode } from '@orbitmesh/domain';
import type { RequestProblem } from './validate.js';

/** Every error answer (RFC 9457), with what the code has to say beside: `from`, `to`, `allowed`, `checks`, `max` … */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  traceId: string;
  errors?: RequestProblem[];
  [more: string]: unknown;
}
