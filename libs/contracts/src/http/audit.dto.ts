import { ID_PATTERN } from '@orbitmesh/domain';
import { checkDate } from './checks.js';
import { Checked, Flag, Optional, Pattern } from './field.js';
import { PageQueryDto } from './query.dto.js';

/** Who did something: the owner, the holder of a token, a session's agent; `nobody` showed no token that is worth anything. */
export type AuditActor = { kind: 'admin' } | { kind: 'user'; tokenId: string } | { kind: 'agent'; sessionId: string } | { kind: 'nobody' };

/** Something that somebody did through the API, or was refused (ADR-0033). */
export interface AuditEntry {
  /** Grows with time. */
  id: string;
  /** RFC 3339: when it was answered. */
  at: string;
  actor: AuditActor;
  /** Method and route, never the path as it came: that may carry anything. */
  action: string;
  /** What the path named, and the id of what was made. */
  target: Record<string, string>;
  /** null: its caller hung up before the answer. */
  status: number | null;
  /** Why it was refused, or failed. */
  code?: string;
  from: { address: string; origin?: string; userAgent?: string };
  traceId: string;
  /** So many more of its kind came in the same minute and are not written one by one. */
  more?: number;
}

/** `GET /api/audit`, newest first. */
export class AuditQueryDto extends PageQueryDto {
  @Optional() @Pattern(/^\d{1,9}\.\d{1,9}$/, 'must be the nextCursor of this list') cursor?: string;
  /** `admin`, `nobody`, the id of a token, or of a session for its agent. */
  @Optional() @Pattern(ID_PATTERN, 'must be admin, nobody, or the id of a token or a session') actor?: string;
  /** The id of whatever was acted on. */
  @Optional() @Pattern(ID_PATTERN, 'must be an id') on?: string;
  /** Only what was refused or failed (true), only what was done (false). */
  @Optional() @Flag() refused?: boolean;
  /** RFC 3339; what came before it is left out. */
  @Optional() @Checked('date', checkDate, { type: 'string', format: 'date-time' }) since?: string;
}
