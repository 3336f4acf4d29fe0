import { checkWebhookUrl } from './checks.js';
import { Checked, Flag, Id, Name, OneOf, Optional, OptionalOrNull } from './field.js';
import { NAME_CHARS_MAX, WEBHOOK_URL_CHARS_MAX } from './limits.js';
import { NotificationTypes } from './notification.dto.js';
import { IdCursor, PageQueryDto } from './query.dto.js';
import { DELIVERY_STATES, type CreateWebhookBody, type DeliveryState, type UpdateWebhookBody, type WebhookType } from './webhook.bodies.js';

const WebhookUrl = () => Checked('webhook URL', checkWebhookUrl, { type: 'string', format: 'uri', pattern: '^[Hh][Tt][Tt][Pp][Ss]?://', maxLength: WEBHOOK_URL_CHARS_MAX });

export class CreateWebhookDto implements CreateWebhookBody {
  @WebhookUrl() url!: string;
  @Optional() @Name(NAME_CHARS_MAX) name?: string;
  @Optional() @NotificationTypes() types?: WebhookType[];
  @OptionalOrNull() @Id() projectId?: string | null;
  @Optional() @Flag() active?: boolean;
}

export class UpdateWebhookDto implements UpdateWebhookBody {
  @Optional() @WebhookUrl() url?: string;
  @Optional() @Name(NAME_CHARS_MAX) name?: string;
  @Optional() @NotificationTypes() types?: WebhookType[];
  @OptionalOrNull() @Id() projectId?: string | null;
  @Optional() @Flag() active?: boolean;
}

export class WebhookQueryDto extends PageQueryDto {
  @Optional() @IdCursor('webhook') cursor?: string;
  @Optional() @Id() projectId?: string;
}

export class DeliveryQueryDto extends PageQueryDto {
  @Optional() @IdCursor('delivery') cursor?: string;
  @Optional() @OneOf(DELIVERY_STATES) state?: DeliveryState;
}
