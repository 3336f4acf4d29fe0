import { CommaSeparated, Id, IdList, ObjectOf, OneOf, Optional, Pattern, PatternList, Text } from './field.js';
import { CURSOR_CHARS_MAX, FILTER_IDS_MAX, FILTER_TYPES_MAX, IDEMPOTENCY_KEY_CHARS_MAX } from './limits.js';
import { TICKET } from './token.js';
import { AnswerApprovalDto } from './session.dto.js';

const ProjectFilter = () => Pattern(/^[A-Za-z0-9_-]{0,64}$/, 'must be an id or empty');
const TypesFilter = () => PatternList(FILTER_TYPES_MAX, /^[a-z_]{1,64}(?::(?:\*|[a-z_]{1,64}))?$/, 'must be an event type, or `family:*`');
/** `<logId>.<seq>`, as events carry it. */
export const FEED_CURSOR = /^[A-Za-z0-9_-]{1,128}\.\d{1,15}$/;
export const FEED_CURSOR_MESSAGE = 'must be the cursor of an event';

/** Fields are ANDed, values in a list ORed; absent or empty does not filter. They match the envelope's own ids (design §5). */
export class EventFilterDto {
  @Optional() @IdList(FILTER_IDS_MAX) sessionIds?: string[];
  @Optional() @ProjectFilter() projectId?: string;
  @Optional() @IdList(FILTER_IDS_MAX) taskIds?: string[];
  @Optional() @TypesFilter() types?: string[];
}

/** The same filter as a query, lists with commas between. `Last-Event-ID` wins over `after`; without either the stream starts now. */
export class EventStreamQueryDto {
  @Optional() @CommaSeparated() @IdList(FILTER_IDS_MAX) sessionIds?: string[];
  @Optional() @ProjectFilter() projectId?: string;
  @Optional() @CommaSeparated() @IdList(FILTER_IDS_MAX) taskIds?: string[];
  @Optional() @CommaSeparated() @TypesFilter() types?: string[];
  @Optional() @Pattern(FEED_CURSOR, FEED_CURSOR_MESSAGE) after?: string;
  /** In place of a token, which no URL may hold. */
  @Optional() @Pattern(TICKET, 'must be a ticket of POST /api/tickets') ticket?: string;
}

/** Client → server. Without `after` the feed starts now. */
export class SubscribeFrameDto {
  @OneOf(['subscribe']) type!: 'subscribe';
  @Optional() @ObjectOf(() => EventFilterDto) filter?: EventFilterDto;
  @Optional() @Pattern(new RegExp(`^[A-Za-z0-9._~+/=-]{1,${CURSOR_CHARS_MAX}}$`), 'must be a cursor that an answer gave') after?: string;
}

/** Client → server: answers a question of an agent, as `POST /api/sessions/:id/approvals/:approvalId` does. */
export class AnswerApprovalFrameDto extends AnswerApprovalDto {
  @OneOf(['answer_approval']) type!: 'answer_approval';
  /** Comes back with the answer; the same frame with the same id is the same answer. */
  @Optional() @Text(1, IDEMPOTENCY_KEY_CHARS_MAX) id?: string;
  @Id() sessionId!: string;
  @Id() approvalId!: string;
}
