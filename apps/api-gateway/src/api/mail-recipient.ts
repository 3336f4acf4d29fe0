import { validationError, type SendMailBody } from '@orbitmesh/contracts';
import type { MailAudience } from '@orbitmesh/domain';

/** Whether an audience is told by an id; a project's may be the sender's own. */
const TAKES_ID: Readonly<Record<MailAudience, 'must' | 'may' | 'must not'>> = {
  session: 'must', team_member: 'must', project: 'may', children: 'must not', siblings: 'must not',
};
const RECIPIENTS = ['toSessionId', 'to', 'replyToMailId'] as const;

/** Whom a mail is for is said once, and whole. @throws VALIDATION_FAILED */
export function checkRecipient(body: SendMailBody): void {
  const given = RECIPIENTS.filter((field) => body[field] !== undefined);
  if (given.length === 0) throw validationError([{ pointer: '', detail: `must have one of: ${RECIPIENTS.join(', ')}` }], 'body');
  if (given.length > 1) throw validationError(given.map((field) => ({ pointer: `/${field}`, detail: `must stand alone: one of ${RECIPIENTS.join(', ')}` })), 'body');
  const { to } = body;
  if (!to || TAKES_ID[to.kind] === 'may' || (TAKES_ID[to.kind] === 'must') === (to.id !== undefined)) return;
  throw validationError([{ pointer: '/to/id', detail: `${TAKES_ID[to.kind]} be there with the kind ${to.kind}` }], 'body');
}
