import { SESSION_STATES, SESSION_STATUSES, TASK_STATUSES, type SessionState, type SessionStatus, type TaskStatus } from '@orbitmesh/domain';
import { PAGE_ITEMS_MAX } from '../rpc/limits.js';
import { Flag, Id, OneOf, Optional, Pattern, Whole } from './field.js';
import { CURSOR_CHARS_MAX } from './limits.js';

const Cursor = () => Pattern(new RegExp(`^[A-Za-z0-9._~+/=-]{1,${CURSOR_CHARS_MAX}}$`), 'must be a cursor that an answer gave');

/** `?cursor&limit` of every list. */
export class PageQueryDto {
  @Optional() @Cursor() cursor?: string;
  @Optional() @Whole(1, PAGE_ITEMS_MAX) limit?: number;
}

export class TaskQueryDto extends PageQueryDto {
  @Optional() @Id() projectId?: string;
  @Optional() @OneOf(TASK_STATUSES) status?: TaskStatus;
  @Optional() @Id() parentId?: string;
  @Optional() @Flag() ready?: boolean;
}

export class SessionQueryDto extends PageQueryDto {
  @Optional() @Id() projectId?: string;
  @Optional() @OneOf(SESSION_STATES) state?: SessionState;
  @Optional() @OneOf(SESSION_STATUSES) status?: SessionStatus;
  @Optional() @Id() taskId?: string;
  @Optional() @Id() parentSessionId?: string;
}

export class NotificationQueryDto extends PageQueryDto {
  @Optional() @Flag() unread?: boolean;
  @Optional() @Id() sessionId?: string;
  @Optional() @Id() projectId?: string;
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
