import type { Mail, MailBroadcast } from '@orbitmesh/domain';
import { timeText, type Columns, type Fields } from './document-text.js';
import { printable } from './terminal.js';
import type { Printer } from './printer.js';

export const MAIL_COLUMNS: Columns<Mail> = [
  ['MAIL', (one) => one.id], ['STATE', (one) => one.state], ['AT', (one) => timeText(one.createdAt)], ['TYPE', (one) => (one.priority === 'normal' ? one.type : `${one.type}, ${one.priority}`)],
  ['FROM', (one) => one.fromName], ['TO', (one) => one.toSessionId ?? 'people'], ['SUBJECT', (one) => one.subject || firstLine(one.body)],
];

export const MAIL_FIELDS: Fields<Mail> = [
  ['mail', (one) => one.id], ['from', (one) => (one.fromSessionId ? `${one.fromName} (${one.fromSessionId})` : one.fromName)], ['to', (one) => one.toSessionId ?? 'people'], ['type', (one) => one.type],
  ['priority', (one) => one.priority], ['subject', (one) => one.subject], ['thread', (one) => one.threadId], ['reply to', (one) => one.replyToMailId], ['sent', (one) => timeText(one.createdAt)],
  ['delivered', (one) => one.deliveredAt && `${timeText(one.deliveredAt)}${one.deliveredBy ? ` (${one.deliveredBy})` : ''}`], ['read', (one) => timeText(one.readAt)], ['body', (one) => `${one.body}\n`],
];

const SUBJECT_CHARS = 60;

function firstLine(body: string): string {
  const line = body.trimStart().split('\n', 1)[0];
  return line.length > SUBJECT_CHARS ? `${line.slice(0, SUBJECT_CHARS - 1)}…` : line;
}

/** As it came, with how to answer. */
export function arrivedText(printer: Printer, { id, fromName, type, priority, subject, body }: Mail, cliName: string): string {
  const title = [`${type} from ${fromName}`, ...(subject ? [subject] : [])].join(': ');
  return [
    `${printer.style('bold', printable(title))}${priority === 'normal' ? '' : `  ${priority}`}  ${printer.style('dim', id)}`,
    printable(body).replace(/^(?=.)/gm, '    '),
    printer.style('dim', `    (answer: ${cliName} mail reply ${id} "…")`),
  ].join('\n');
}

export function sentText(sent: Mail | MailBroadcast): string {
  if (!('recipients' in sent)) return sent.id;
  if (sent.recipients.length + sent.full.length === 0) return 'It went to nobody: the audience is empty.';
  return [...sent.recipients.map(({ mailId, toSessionId }) => `${mailId}  to ${toSessionId}`), ...sent.full.map((id) => `not sent to ${id}: it has too much mail already`)].join('\n');
}
