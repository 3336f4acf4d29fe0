import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { errorDocument } from '../error-text.js';

const AGAIN = 'OrbitMesh is away for the moment. Go on with your work, and call this again later with the same arguments: what was done is not done twice.';
const ENDED = 'The session, or the one you named, has ended. If it is your own, stop here.';

/** What an agent can do about a failure, in terms of the tools it has. */
export const REMEDIES: Readonly<Record<string, string>> = {
  FORBIDDEN: 'Your session may not do this. Do without it, or ask a person with report_needs_input.',
  UNAUTHENTICATED: ENDED,
  SESSION_ENDED: ENDED,
  VALIDATION_FAILED: 'Correct the arguments that are named, and call it again.',
  USAGE: 'Correct the arguments, and call it again.',
  TASK_NOT_FOUND: 'list_tasks with of=project shows those that there are.',
  TASK_REFERENCE_INVALID: 'list_tasks shows the tasks; report_task takes those of your session only.',
  SESSION_NOT_FOUND: 'list_sessions with of=project shows those that there are.',
  TEAM_MEMBER_NOT_FOUND: 'list_team_members shows those that there are.',
  MAIL_NOT_FOUND: 'list_mail shows what came to you.',
  MAIL_RECIPIENT_INVALID: 'list_sessions shows who is there.',
  PROVIDER_NOT_FOUND: 'Leave `provider` out: it is then the same as yours.',
  LIMIT_REACHED: 'Wait until something that you started has ended: list_sessions, wait_for_mail.',
  WORKING_DIR_INVALID: "Leave `workingDir` out: it is then the project's directory.",
  IDEMPOTENCY_KEY_REUSED: 'Call it again.',
  TOO_MANY_REQUESTS: AGAIN,
  UNREACHABLE: AGAIN,
  UNAVAILABLE: AGAIN,
  TIMEOUT: AGAIN,
  STORAGE_FULL: AGAIN,
};

/** A failure as a result, which the model reads: what is wrong, where, and what to do. */
export function failureOf(error: unknown): CallToolResult {
  const { code, message, status, errors, traceId } = errorDocument(error, {}, null);
  const remedy = REMEDIES[code] ?? null;
  const lines = [`${code}: ${message}`, ...errors.map((one) => `${one.pointer || '(the whole)'}: ${one.detail}`), ...(remedy === null ? [] : [remedy])];
  return { isError: true, content: [{ type: 'text', text: lines.join('\n') }], structuredContent: { error: { code, message, status, errors, remedy, traceId } } };
}

/** For a log: nothing of what was said. */
export function inAWord(error: unknown): string {
  const { code, traceId } = errorDocument(error, {}, null);
  return traceId === null ? code : `${code} (trace ${traceId})`;
}
