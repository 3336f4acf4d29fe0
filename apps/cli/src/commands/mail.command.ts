import { MAIL_PRIORITIES, MAIL_STATES, MAIL_TYPES, type Mail, type MailBroadcast, type MailPriority, type MailState, type MailType } from '@orbitmesh/domain';
import { ApiError, type ApiClient } from '@orbitmesh/api-client';
import { projectNamed, projectOf, sessionOf, type Context } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { recipientOf as recipientNamed, WHOM, type Recipient } from '../mail-recipient.js';
import { MAIL_COLUMNS, MAIL_FIELDS, sentText } from '../mail-text.js';
import { seconds, type OptionRow } from '../options.js';
import { itemsOf, PAGE_ITEMS } from '../pages.js';
import type { Call, Register } from '../site.js';
import { threadText } from '../story-text.js';
import { textOf } from '../text-input.js';
import { waitForMail } from '../wait-for-mail.js';

const MAIL = [['<mail>', 'its id']] as const;
const BODY = ['<body>', 'what to say; - reads it from stdin'] as const;
const STATE: OptionRow = ['--state <state>', 'only in this state', MAIL_STATES];

interface SendOptions { to?: string; from?: string; type?: MailType; subject?: string; priority?: MailPriority; keepForContinuation?: boolean }
const SEND_OPTIONS: readonly OptionRow[] = [
  ['--from <session>', 'in the name of this session (default in a session: its own; else a person)'],
  ['--type <type>', 'what kind of mail (default: directive; of a reply: response)', MAIL_TYPES],
  ['--subject <subject>', 'what it is about'],
  ['--priority <priority>', 'how much it matters (default: normal)', MAIL_PRIORITIES],
];

export const registerMail: Register = (program) => {
  const mail = program.noun('mail', 'messages between sessions, and between people and them');
  mail.change<Mail | MailBroadcast, SendOptions>({
    name: 'send', about: 'send a mail; prints its id, or who got which', args: [BODY],
    options: [
      ['--to <whom>', 'a session, parent, children, siblings, project, project:ID or member:ID'], ...SEND_OPTIONS,
      ['--keep-for-continuation', 'if the session has ended: keep it for the one that continues it, instead of refusing'],
    ],
    send: async ({ client, context, call: { args: [body], options } }, how) => client.sendMail({
      ...await recipientOf(context, client, options), ...mailOf(options), body: await textOf(context, body), keepForContinuation: options.keepForContinuation,
    }, how), text: sentText,
  });
  mail.change<Mail | MailBroadcast, SendOptions>({
    name: 'reply', about: 'answer a mail, in its thread', args: [...MAIL, BODY], options: SEND_OPTIONS,
    send: async ({ client, context, call: { args: [replyToMailId, body], options } }, how) => client.sendMail({ replyToMailId, ...mailOf(options), body: await textOf(context, body) }, how), text: sentText,
  });
  mail.list<Mail, { unread?: boolean; state?: MailState }, [session?: string]>({
    name: 'inbox', about: 'list the mail to a session', args: [['[session]', 'its id (default in a session: its own)']], options: [['-u, --unread', 'only what was not read'], STATE],
    page: ({ client, context, call: { args: [id], options: { unread, state } } }, query) => client.inbox(sessionOf(context, id), { unread, state, ...query }), columns: MAIL_COLUMNS, none: 'No mail.',
  });
  mail.show<Mail>({ about: 'show one mail; it stays as read or not as it was', args: MAIL, get: ({ client, call }) => client.mail(call.args[0]), fields: MAIL_FIELDS });
  mail.change<Mail>({ name: 'read', about: 'mark a mail as read', args: MAIL, send: ({ client, call: { args: [id] } }, how) => client.readMail(id, how), text: (one) => `${one.id}: ${one.state}` });
  mail.add({ name: 'thread', about: 'tell a thread, oldest first', args: [['<thread>', 'its id, or that of a mail in it']], prints: 'documents' }, showThread);
  mail.add<{ after?: string; timeout?: number }, [session?: string]>({
    name: 'wait', about: 'wait for mail to a session, and print it; what is there and was not read comes at once', args: [['[session]', 'its id (default in a session: its own)']], prints: 'documents',
    options: [['--after <mail>', 'only what came after this one'], ['--timeout <seconds>', 'give up after so long (default: never)', seconds]],
    more: 'Exit code 0 with mail; 1, code WAIT_TIMEOUT, when none came in time.',
  }, waitForMail);
  mail.list<Mail, { project?: string; thread?: string; from?: string; to?: string; state?: MailState }>({
    about: 'list all mail',
    options: [['-p, --project <project>', 'only of this project (default in a session: its own)'], ['--thread <thread>', 'only of this thread'], ['--from <session>', 'only from this session'], ['--to <session>', 'only to this session'], STATE],
    page: ({ client, context, call: { options: { project, thread: threadId, from: fromSessionId, to: toSessionId, state } } }, query) => (
      client.mails({ projectId: projectOf(context, project), threadId, fromSessionId, toSessionId, state, ...query })),
    columns: MAIL_COLUMNS, none: 'No mail.',
  });
  mail.remove({ about: 'delete a mail', args: MAIL, send: (client, id, how) => client.deleteMail(id, how) });
};

function mailOf({ from: fromSessionId, type, subject, priority }: SendOptions) {
  return { fromSessionId, type, subject, priority };
}

/** @throws CliError when it is none that there can be */
async function recipientOf(context: Context, client: ApiClient, { to, from }: SendOptions): Promise<Recipient> {
  if (!to) throw new CliError(EXIT.usage, `To whom? --to ${WHOM}.`);
  const [, project] = /^project:(.+)$/s.exec(to) ?? [];
  const whom = project === undefined ? to : `project:${await projectNamed(context, project)}`;
  return recipientNamed(client, whom, { sessionId: () => sessionOf(context, from), projectId: projectOf(context, undefined) });
}

async function showThread(context: Context, { args: [id] }: Call): Promise<void> {
  const client = await context.client();
  const mails = await threadOf(client, id);
  const { printer } = context;
  if (printer.json) for (const mail of mails) printer.document(mail);
  else printer.line(threadText(printer, mails, await namesOf(client, mails)));
}

/** By its own id; that of any mail in it does as well. */
async function threadOf(client: ApiClient, id: string): Promise<Mail[]> {
  const found = await mailsOf(client, id).catch((error: unknown) => {
    if (error instanceof ApiError && error.status === 404) return [];
    throw error;
  });
  return found.length > 0 ? found : mailsOf(client, (await client.mail(id)).threadId);
}

async function mailsOf(client: ApiClient, threadId: string): Promise<Mail[]> {
  const found: Mail[] = [];
  for await (const mail of itemsOf((cursor) => client.thread(threadId, { cursor, limit: PAGE_ITEMS }))) found.push(mail);
  return found;
}

/** Who writes says its name; who only reads is asked for. */
async function namesOf(client: ApiClient, mails: readonly Mail[]): Promise<(sessionId: string) => string> {
  const names = new Map(mails.flatMap((mail) => (mail.fromSessionId === null ? [] : [[mail.fromSessionId, mail.fromName] as const])));
  const others = new Set(mails.flatMap(({ toSessionId }) => (toSessionId === null || names.has(toSessionId) ? [] : [toSessionId])));
  await Promise.all([...others].map(async (id) => {
    const name = await client.session(id).then((session) => session.name, (error: unknown) => {
      // It may be deleted, or none of ours.
      if (error instanceof ApiError) return id;
      throw error;
    });
    names.set(id, name);
  }));
  return (id) => names.get(id) ?? id;
}
