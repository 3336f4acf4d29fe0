import { ERROR_CODES, type ErrorCode } from '@orbitmesh/domain';
import { HTTP_STATUS } from '@orbitmesh/contracts';
import type { Operation } from './operations.js';

/** What is not there when a path, a query or a body names it. */
const NOT_FOUND_BY_FIELD: Readonly<Record<string, ErrorCode>> = {
  projectId: 'PROJECT_NOT_FOUND', taskId: 'TASK_NOT_FOUND', taskIds: 'TASK_NOT_FOUND', parentId: 'TASK_NOT_FOUND', dependencies: 'TASK_NOT_FOUND',
  teamMemberId: 'TEAM_MEMBER_NOT_FOUND', sessionId: 'SESSION_NOT_FOUND', parentSessionId: 'SESSION_NOT_FOUND', fromSessionId: 'SESSION_NOT_FOUND',
  toSessionId: 'SESSION_NOT_FOUND', providerType: 'PROVIDER_NOT_FOUND', replyToMailId: 'MAIL_NOT_FOUND', approvalId: 'APPROVAL_NOT_FOUND',
  deliveryId: 'DELIVERY_NOT_FOUND', upTo: 'NOTIFICATION_NOT_FOUND',
};
/** The same for `:id`, by the resource it stands in. */
const NOT_FOUND_BY_TAG: Readonly<Record<string, ErrorCode>> = {
  projects: 'PROJECT_NOT_FOUND', tasks: 'TASK_NOT_FOUND', teamMembers: 'TEAM_MEMBER_NOT_FOUND', sessions: 'SESSION_NOT_FOUND',
  mail: 'MAIL_NOT_FOUND', notifications: 'NOTIFICATION_NOT_FOUND', webhooks: 'WEBHOOK_NOT_FOUND', tokens: 'TOKEN_NOT_FOUND', runners: 'RUNNER_NOT_FOUND',
};

/** Every code that an operation can be refused with, by status; beside them any operation can fail with 500 INTERNAL. */
export function errorCodesOf(operation: Operation): ReadonlyMap<number, ErrorCode[]> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codesOf(operation)) {
    const status = HTTP_STATUS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return new Map([...byStatus].sort(([a], [b]) => a - b));
}

function codesOf({ guarded, method, path, bodyFields, queryFields, conditional, tag, answers }: Operation): Set<ErrorCode> {
  const codes = new Set<ErrorCode>(['VALIDATION_FAILED', 'HOST_NOT_ALLOWED', 'ORIGIN_NOT_ALLOWED', 'TOO_MANY_REQUESTS']);
  const add = (...more: (ErrorCode | undefined)[]): void => more.forEach((code) => code && codes.add(code));
  if (guarded) add('UNAUTHENTICATED', 'FORBIDDEN', 'UNAVAILABLE', 'TIMEOUT');
  for (const [, name] of path.matchAll(/\{(\w+)\}/g)) add(name === 'id' ? NOT_FOUND_BY_TAG[tag] : NOT_FOUND_BY_FIELD[name]);
  for (const name of [...bodyFields, ...queryFields]) add(NOT_FOUND_BY_FIELD[name]);
  if (method !== 'get') {
    add('BODY_TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE', 'IDEMPOTENCY_KEY_REUSED', 'STORAGE_WRITE', 'STORAGE_NEWER', 'STORAGE_FULL');
    if (bodyFields.length > 0) add('DOCUMENT_TOO_LARGE');
    if (conditional) add('REVISION_MISMATCH');
  }
  if (bodyFields.includes('environment')) add('SECRET_BY_VALUE');
  add(...answers.codes);
  return codes;
}

/** For a response's description. */
export function saysOf(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `\`${code}\`: ${ERROR_CODES[code].summary}`).join(' ');
}
