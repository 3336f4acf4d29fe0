import type { Notification } from '@orbitmesh/contracts';
import { WEBHOOK_TYPES, type WebhookType } from '@orbitmesh/contracts/wire';
import { projectOf } from '../context.js';
import { timeText, type Columns, type Fields } from '../document-text.js';
import type { Register } from '../site.js';

const COLUMNS: Columns<Notification> = [
  ['NOTIFICATION', (one) => one.id], ['', (one) => (one.readAt === null ? 'new' : '')], ['AT', (one) => timeText(one.timestamp)], ['WHAT', (one) => one.data.title], ['OF', (one) => one.data.sessionName ?? one.data.taskTitle ?? one.sessionId],
  ['MESSAGE', (one) => one.data.message],
];
const FIELDS: Fields<Notification> = [
  ['notification', (one) => one.id], ['what', (one) => one.data.title], ['type', (one) => one.type], ['at', (one) => timeText(one.timestamp)], ['session', (one) => one.data.sessionName && `${one.data.sessionName} (${one.sessionId})`],
  ['task', (one) => one.data.taskTitle && `${one.data.taskTitle} (${one.taskId})`], ['project', (one) => one.projectId], ['message', (one) => one.data.message], ['outcome', (one) => one.data.outcome], ['read', (one) => timeText(one.readAt) || 'not yet'],
];
const NOTIFICATION = [['<notification>', 'its id']] as const;

export const registerNotification: Register = (program) => {
  const notification = program.noun('notification', 'what people are to know of: progress, ends, questions');
  notification.list<Notification, { unread?: boolean; session?: string; project?: string; type?: WebhookType[] }>({
    about: 'list the notifications',
    options: [
      ['-u, --unread', 'only those that were not read'], ['--session <session>', 'only of this session'], ['-p, --project <project>', 'only of this project (default in a session: its own)'],
      ['--type <type>', 'only of this type; may be repeated', { each: WEBHOOK_TYPES }],
    ],
    page: ({ client, context, call: { options: { unread, session: sessionId, project, type: types } } }, query) => client.notifications({ unread, sessionId, projectId: projectOf(context, project), types, ...query }),
    columns: COLUMNS, none: 'No notification.',
  });
  notification.show<Notification>({ about: 'show one notification', args: NOTIFICATION, get: ({ client, call }) => client.notification(call.args[0]), fields: FIELDS });
  for (const [name, about] of [['read', 'mark a notification as read'], ['unread', 'mark it as not read']] as const) {
    notification.change<Notification>({
      name, about, args: NOTIFICATION, text: (one) => `${one.id}: ${one.readAt === null ? 'not read' : 'read'}`,
      send: ({ client, call: { args: [id] } }, how) => (name === 'read' ? client.markRead(id, how) : client.markUnread(id, how)),
    });
  }
  notification.change<{ read: number }, { upTo?: string; session?: string; project?: string }>({
    name: 'read-all', about: 'mark all notifications as read',
    options: [['--up-to <notification>', 'only up to this one'], ['--session <session>', 'only of this session'], ['-p, --project <project>', 'only of this project']],
    send: ({ client, call: { options: { upTo, session: sessionId, project: projectId } } }, how) => client.markAllRead({ upTo, sessionId, projectId }, how), text: ({ read }) => `${read} read`,
  });
};
