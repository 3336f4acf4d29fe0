import { Body, Controller, Delete, Get, Inject, Param, Post, Query } from '@nestjs/common';
import {
  InboxQueryDto, MAIL_WAIT_SECONDS_DEFAULT, MailQueryDto, MailWaitQueryDto, SendMailDto, SessionRpc, ThreadQueryDto,
} from '@orbitmesh/contracts';
import { AppError, type ErrorCode } from '@orbitmesh/domain';
import { AgentMay, Takes } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers, AnswersNothing } from '../openapi/answers.js';
import { checkRecipient } from './mail-recipient.js';
import { MailWaits } from './mail-waits.js';

const SENDING: readonly ErrorCode[] = ['TEAM_MEMBER_NOT_FOUND', 'PROJECT_NOT_FOUND', 'SESSION_ENDED', 'MAIL_RECIPIENT_INVALID', 'LIMIT_REACHED'];

/** Messages between sessions, and between people and sessions. */
@Controller('api/mail')
export class MailController {
  constructor(@Inject(Relay) private readonly relay: Relay, @Inject(MailWaits) private readonly waits: MailWaits) {}

  /** A broadcast is no resource: each of its mails is. */
  @AgentMay('its-own')
  @Answers(201, ['Mail', 'MailBroadcast'], 'Sends a mail: to one session, or to all of an audience.', { codes: SENDING })
  @Post()
  send(@HttpCall() call: Call, @Body() body: SendMailDto) {
    checkRecipient(body);
    return this.relay.command(call, SessionRpc.sendMail, { body }, (sent) => ('id' in sent ? `/api/mail/${sent.id}` : undefined));
  }

  @AgentMay('its-own')
  @Answers(200, 'MailPage', 'Lists mail.')
  @Get()
  list(@HttpCall() call: Call, @Query() query: MailQueryDto) {
    return this.relay.list(call, SessionRpc.listMail, query);
  }

  @AgentMay('session')
  @Answers(200, 'MailPage', 'Lists the mail to a session.')
  @Get('inbox/:sessionId')
  inbox(@HttpCall() call: Call, @Param('sessionId') sessionId: string, @Query() query: InboxQueryDto) {
    return this.relay.read(call, SessionRpc.listInbox, { sessionId, ...query });
  }

  /** What is given out by a wait counts as delivered: a HEAD, which shows nothing, must not. */
  @AgentMay('session')
  @Takes('write')
  @Answers(200, 'MailPage', 'Waits for mail to a session, and gives it out.', { codes: ['SESSION_ENDED'] })
  @Get('wait/:sessionId')
  wait(@HttpCall() call: Call, @Param('sessionId') sessionId: string, @Query() { after, timeout = MAIL_WAIT_SECONDS_DEFAULT }: MailWaitQueryDto) {
    if (call.request.method === 'HEAD') throw new AppError('METHOD_NOT_ALLOWED');
    return this.waits.wait(call, { sessionId, after }, timeout * 1_000);
  }

  @AgentMay('its-own')
  @Answers(200, 'MailPage', 'Lists the mail of a thread, oldest first.')
  @Get('thread/:threadId')
  thread(@HttpCall() call: Call, @Param('threadId') threadId: string, @Query() query: ThreadQueryDto) {
    return this.relay.read(call, SessionRpc.listMail, { threadId, ...query });
  }

  @AgentMay('its-own')
  @Answers(200, 'Mail', 'Shows a mail.')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, SessionRpc.getMail, { id });
  }

  @AgentMay('its-own')
  @Answers(200, 'Mail', 'Marks a mail read.')
  @Post(':id/read')
  read(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.readMail, { id });
  }

  @AgentMay('its-own')
  @AnswersNothing('Deletes a mail.')
  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.deleteMail, { id });
  }
}
