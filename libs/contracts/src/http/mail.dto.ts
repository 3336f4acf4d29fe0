import { MAIL_AUDIENCES, MAIL_PRIORITIES, MAIL_TYPES, type MailAudience, type MailPriority, type MailType } from '@orbitmesh/domain';
import type { SendMailBody } from './bodies.js';
import { Flag, Id, ObjectOf, OneOf, Optional, Text } from './field.js';
import { MAIL_BODY_CHARS_MAX, NAME_CHARS_MAX } from './limits.js';

export class MailAudienceDto {
  @OneOf(MAIL_AUDIENCES) kind!: MailAudience;
  @Optional() @Id() id?: string;
}

export class SendMailDto implements SendMailBody {
  @Optional() @Id() toSessionId?: string;
  @Optional() @ObjectOf(() => MailAudienceDto) to?: MailAudienceDto;
  @Optional() @Id() replyToMailId?: string;
  @Optional() @Id() fromSessionId?: string;
  @Optional() @OneOf(MAIL_TYPES) type?: MailType;
  @Optional() @Text(0, NAME_CHARS_MAX) subject?: string;
  @Text(1, MAIL_BODY_CHARS_MAX) body!: string;
  @Optional() @OneOf(MAIL_PRIORITIES) priority?: MailPriority;
  @Optional() @Flag() keepForContinuation?: boolean;
}
