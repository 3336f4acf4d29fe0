import {
  ID_PREFIXES, MAIL_STATES, SESSION_STATES, SESSION_STATUSES, TASK_STATUSES, type IdKind, type MailState, type SessionState, type SessionStatus, type TaskStatus,
} from '@orbitmesh/domain';
import { PAGE_ITEMS_MAX } from '../rpc/limits.js';
import { Flag, Id, OneOf, Optional, Pattern, Whole } from './field.js';
import { CURSOR_CHARS_MAX, MAIL_WAIT_SECONDS_MAX } from './limits.js';

const Cursor = () => Pattern(new RegExp(`^[A-Za-z0-9._~+/=-]{1,${CURSOR_CHARS_MAX}}$`), 'must be a cursor that an answer gave');
/** A list goes on after the last id it gave. Anything else would not fail there, but quietly begin somewhere. */
export const IdCursor = (kind: IdKind) => Pattern(new RegExp(`^${ID_PREFIXES[kind]}_[0-9A-HJKMNP-TV-Z]{26}$`), 'must be the nextCursor of this list');

/** `?limit` of every list; what its cursor looks like is for each to say. */
export class PageQueryDto {
  @Optional() @Whole(1, PAGE_ITEMS_MAX) limit?: number;
}

export class ProjectQueryDto extends PageQueryDto {
  @Optional() @IdCursor('project') cursor?: string;
}

export class ChildTaskQueryDto extends PageQueryDto {
  @Optional() @IdCursor('task') cursor?: string;
}

export class TaskQueryDto extends ChildTaskQueryDto {
  @Optional() @Id() projectId?: string;
  @Optional() @OneOf(TASK_STATUSES) status?: TaskStatus;
  @Optional() @Id() parentId?: string;
  @Optional() @Flag() ready?: boolean;
}

export class SessionQueryDto extends PageQueryDto {
  @Optional() @IdCursor('session') cursor?: string;
  @Optional() @Id() projectId?: string;
  @Optional() @OneOf(SESSION_STATES) state?: SessionState;
  @Optional() @OneOf(SESSION_STATUSES) status?: SessionStatus;
  @Optional() @Id() taskId?: string;
  @Optional() @Id() parentSessionId?: string;
}

export class TeamMemberQueryDto extends PageQueryDto {
  @Optional() @IdCursor('teamMember') cursor?: string;
  /** Its own members and the global ones; `scope` narrows that. */
  @Optional() @Id() projectId?: string;
  @Optional() @OneOf(['active', 'archived']) status?: 'active' | 'archived';
  @Optional() @OneOf(['all', 'project', 'global']) scope?: 'all' | 'project' | 'global';
}

export class ThreadQueryDto extends PageQueryDto {
  @Optional() @IdCursor('mail') cursor?: string;
}

export class InboxQueryDto extends ThreadQueryDto {
  @Optional() @Flag() unread?: boolean;
  @Optional() @OneOf(MAIL_STATES) state?: MailState;
}

export class MailQueryDto extends ThreadQueryDto {
  @Optional() @Id() projectId?: string;
  @Optional() @Id() threadId?: string;
  @Optional() @Id() fromSessionId?: string;
  @Optional() @Id() toSessionId?: string;
  @Optional() @OneOf(MAIL_STATES) state?: MailState;
}

/** `after`: the nextCursor of the wait before; `timeout` in seconds. */
export class MailWaitQueryDto {
  @Optional() @IdCursor('mail') after?: string;
  @Optional() @Whole(0, MAIL_WAIT_SECONDS_MAX) timeout?: number;
}

/** The timeline is a page of the session's events: its cursor is a `sessionSeq`. */
export class TimelineQueryDto extends PageQueryDto {
  @Optional() @Pattern(/^\d{1,15}$/, 'must be the nextCursor of this list') cursor?: string;
}

/** Pages of the feed: `after` is a cursor. */
export class EventQueryDto {
  @Optional() @Cursor() after?: string;
  @Optional() @Whole(1, PAGE_ITEMS_MAX) limit?: number;
}

/** Pages of one session's events: `after` is a `sessionSeq`. */
export class SessionEventQueryDto {
  @Optional() @Whole(0, Number.MAX_SAFE_INTEGER) after?: number;
  @Optional() @Whole(1, PAGE_ITEMS_MAX) limit?: number;
}
