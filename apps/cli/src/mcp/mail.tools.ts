import { MAIL_PRIORITIES, MAIL_TYPES, type Mail } from '@orbitmesh/domain';
import { MAIL_BODY_CHARS_MAX, NAME_CHARS_MAX } from '@orbitmesh/contracts/wire';
import { z } from 'zod';
import { MCP_LIST_ITEMS_DEFAULT, MCP_MAIL_WAIT_SECONDS_DEFAULT, MCP_MAIL_WAIT_SECONDS_MAX, MCP_PROGRESS_SECONDS } from '../limits.js';
import { recipientOf } from '../mail-recipient.js';
import { sentText } from '../mail-text.js';
import { nextMail } from '../next-mail.js';
import { CHANGES, mailId, PAGE, READS, tool, type Tool } from './tool.js';

function letter({ id, fromSessionId, fromName, toSessionId, type, priority, subject, body, threadId, replyToMailId, state, createdAt }: Mail) {
  return { id, from: fromName, fromSessionId, toSessionId, type, priority, subject, body, threadId, replyToMailId, state, sentAt: createdAt };
}

/** Without its body: who wants that reads it. */
function envelope(mail: Mail) {
  const { body: _body, ...rest } = letter(mail);
  return rest;
}

const SEND_INPUT = {
  to: z.string().min(1).max(200).optional().describe('A session id, or parent (who started you), children (all you started), siblings (all started beside you), project (all sessions at work in it), member:ID (all sessions of a team member). Not with replyToMailId.'),
  replyToMailId: mailId('Answer this mail, in its thread, instead of `to`.').optional(),
  body: z.string().min(1).max(MAIL_BODY_CHARS_MAX).describe('What to say.'),
  subject: z.string().max(NAME_CHARS_MAX).optional().describe('What it is about, on one line.'),
  type: z.enum(MAIL_TYPES).optional().describe('What kind of mail (default: directive; of an answer: response).'),
  priority: z.enum(MAIL_PRIORITIES).optional(),
};

/** Messages between sessions. */
export const MAIL_TOOLS: readonly Tool[] = [
  tool({
    name: 'send_mail', title: 'Send a mail', annotations: CHANGES, input: SEND_INPUT,
    description: 'Write to other sessions: to one, or to an audience as it is now. They get it as input at their next turn, or when they wait for it.',
    run: async ({ client, own }, { to, replyToMailId, ...mail }, { change }) => {
      // Neither or both: the server says what is wrong.
      const whom = to === undefined ? {} : await recipientOf(client, to, { sessionId: () => own.sessionId, projectId: own.projectId });
      const { body: sent } = await client.sendMail({ ...whom, replyToMailId, ...mail }, change);
      return { text: 'recipients' in sent ? `Sent to ${sent.recipients.length}.\n${sentText(sent)}` : `Sent: ${sent.id}.`, data: { sent: { ...sent } } };
    },
  }),
  tool({
    name: 'list_mail', title: 'List mail', annotations: READS, description: 'List the mail to you, or what you sent, without the bodies. read_mail shows one.',
    input: { of: z.enum(['unread', 'inbox', 'sent']).default('unread').describe('unread: to you and not read; inbox: all to you; sent: from you.'), ...PAGE },
    run: async ({ client, own }, { of, limit = MCP_LIST_ITEMS_DEFAULT, cursor }, { signal }) => {
      const { items, nextCursor } = of === 'sent'
        ? await client.read('mail.list', { query: { fromSessionId: own.sessionId, limit, cursor } }, { signal })
        : await client.read('mail.inbox', { params: { sessionId: own.sessionId }, query: { unread: of === 'unread' || undefined, limit, cursor } }, { signal });
      return { data: { items: items.map(envelope), nextCursor } };
    },
  }),
  tool({
    name: 'read_mail', title: 'Read a mail', annotations: { ...CHANGES, idempotentHint: true }, description: 'Show a mail to you whole, and mark it read: its sender sees that.', input: { mailId: mailId('Which mail.') },
    run: async ({ client }, { mailId: id }, { change }) => ({ data: { mail: letter((await client.readMail(id, change)).body) } }),
  }),
  tool({
    name: 'wait_for_mail', title: 'Wait for mail', annotations: CHANGES,
    description: 'Wait until mail comes to you, and show it; what was not read yet comes at once. Nothing in time is no error: wait again, or end your turn, and mail comes as your next prompt.',
    input: { timeoutSeconds: z.number().min(0).max(MCP_MAIL_WAIT_SECONDS_MAX).default(MCP_MAIL_WAIT_SECONDS_DEFAULT).describe('How long to wait at most.') },
    run: async (desk, { timeoutSeconds }, { signal, progress }) => {
      const since = performance.now();
      const { items, nextCursor } = await nextMail({
        client: desk.client, sessionId: desk.own.sessionId, after: desk.mailCursor, timeoutMs: timeoutSeconds * 1_000, sliceSeconds: MCP_PROGRESS_SECONDS, signal,
        onStillWaiting: (away) => progress((performance.now() - since) / 1_000, timeoutSeconds, away?.message ?? 'No mail yet.'),
      });
      desk.mailCursor = nextCursor;
      return { ...(items.length === 0 && { text: `No mail came in ${timeoutSeconds} s.` }), data: { items: items.map(letter) } };
    },
  }),
];
