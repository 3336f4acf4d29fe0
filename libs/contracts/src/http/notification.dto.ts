import { checkNotificationTypes } from './checks.js';
import { Checked, Flag, Id, Optional, splitList } from './field.js';
import { IdCursor, PageQueryDto } from './query.dto.js';
import { WEBHOOK_TYPES, type ReadNotificationsBody, type WebhookType } from './webhook.bodies.js';

/** Exact types, or `notify:*`. */
export const NotificationTypes = () => Checked('list of notification types', checkNotificationTypes, {
  type: 'array', minItems: 1, maxItems: WEBHOOK_TYPES.length, uniqueItems: true, items: { type: 'string', enum: [...WEBHOOK_TYPES] },
}, splitList);

export class NotificationQueryDto extends PageQueryDto {
  @Optional() @IdCursor('notification') cursor?: string;
  /** false: only those that were read. */
  @Optional() @Flag() unread?: boolean;
  @Optional() @Id() sessionId?: string;
  @Optional() @Id() projectId?: string;
  @Optional() @NotificationTypes() types?: WebhookType[];
}

export class ReadNotificationsDto implements ReadNotificationsBody {
  @Optional() @Id() upTo?: string;
  @Optional() @Id() projectId?: string;
  @Optional() @Id() sessionId?: string;
}
