import type { NotificationData, NotificationType } from '@orbitmesh/domain';
import { REQUEST_TIMEOUT_MS } from './limits.js';
import { defineRpc, type CommandMeta, type MutationReply, type Page, type PageQuery } from './rpc.js';
import type { ServiceHealth } from './session.contract.js';

/** One entry of the inbox; made from exactly one `notify:*` event, whose seq is in its id. */
export interface Notification {
  id: string;
  eventId: string;
  seq: number;
  type: NotificationType;
  timestamp: string;
  projectId?: string;
  sessionId?: string;
  taskId?: string;
  data: NotificationData;
  readAt: string | null;
  revision: number;
}

const rpc = <Req, Res>(name: string) => defineRpc<Req, Res>('notifier', name, REQUEST_TIMEOUT_MS);

export const NotifierRpc = {
  list: rpc<PageQuery & { unread?: boolean; sessionId?: string; projectId?: string }, Page<Notification>>('inbox.list'),
  get: rpc<{ id: string }, Notification>('inbox.get'),
  markRead: rpc<{ id: string; meta: CommandMeta }, MutationReply<Notification>>('inbox.markRead'),
  health: rpc<Record<string, never>, ServiceHealth>('health'),
} as const;
