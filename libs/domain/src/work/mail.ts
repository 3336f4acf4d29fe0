export const MAIL_TYPES = ['assignment', 'status_update', 'query', 'response', 'directive', 'notification'] as const;
export type MailType = (typeof MAIL_TYPES)[number];
export const MAIL_PRIORITIES = ['low', 'normal', 'high'] as const;
export type MailPriority = (typeof MAIL_PRIORITIES)[number];
export const MAIL_STATES = ['queued', 'delivered', 'read'] as const;
export type MailState = (typeof MAIL_STATES)[number];
/** Whom a mail may be addressed to; resolved to sessions when it is sent. */
export const MAIL_AUDIENCES = ['session', 'team_member', 'children', 'siblings', 'project'] as const;
export type MailAudience = (typeof MAIL_AUDIENCES)[number];

/** One message to one recipient (design §4.2). */
export interface Mail {
  id: string;
  projectId: string;
  /** null: a person, or the system on their behalf. */
  fromSessionId: string | null;
  fromName: string;
  /** null: the people, as the answer to a mail of theirs. */
  toSessionId: string | null;
  /** The same on every mail of one sending to an audience. */
  broadcastId: string | null;
  type: MailType;
  subject: string;
  body: string;
  priority: MailPriority;
  /** The id of the mail that began it; of a broadcast, the broadcast's. */
  threadId: string;
  replyToMailId: string | null;
  state: MailState;
  /** How it reached its recipient: as the agent's input, or as the answer to one that waited for it. */
  deliveredBy: 'input' | 'wait' | null;
  deliveredAt: string | null;
  readAt: string | null;
  createdAt: string;
  updatedAt: string;
  revision: number;
}

/** A sending to an audience: whoever belonged to it then. */
export interface MailBroadcast {
  broadcastId: string;
  threadId: string;
  type: MailType;
  recipients: { mailId: string; toSessionId: string }[];
  /** Sessions of the audience that have no room for more mail: they got none. */
  full: string[];
}
