import { Body, Controller, Delete, Get, Inject, Param, Post, Query } from '@nestjs/common';
import {
  InboxQueryDto, MAIL_WAIT_SECONDS_DEFAULT, MailQueryDto, MailWaitQueryDto, SendMailDto, SessionRpc, ThreadQueryDto,
} from '@orbitmesh/contracts';
import { AppError } from '@orbitmesh/domain';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { checkRecipient } from './mail-recipient.js';
import { MailWaits } from './mail-waits.js';

/** Messages between sessions, and between people and sessions. */
@Controller('api/mail')
export class MailController {
  constructor(@Inject(Relay) private readonly relay: Relay, @Inject(MailWaits) private readonly waits: MailWaits) {}

  /** A broadcast is no resource: each of its mails is. */
  @AgentMay('its-own')
  @Post()
  send(@HttpCall() call: Call, @Body() body: SendMailDto) {
    checkRecipient(body);
    return this.relay.command(call, SessionRpc.sendMail, { body }, (sent) => ('id' in sent ? `/api/mail/${sent.id}` : undefined));
  }

  @AgentMay('its-own')
  @Get()
  list(@HttpCall() call: Call, @Query() query: MailQueryDto) {
    return this.relay.list(call, SessionRpc.listMail, query);
  }

  @AgentMay('session')
  @Get('inbox/:sessionId')
  inbox(@HttpCall() call: Call, @Param('sessionId') sessionId: string, @Query() query: InboxQueryDto) {
    return this.relay.read(call, SessionRpc.listInbox, { sessionId, ...query });
  }

  /** What is given out by a wait counts as delivered: a HEAD, which shows nothing, must not. */
  @AgentMay('session')
  @Get('wait/:sessionId')
  wait(@HttpCall() call: Call, @Param('sessionId') sessionId: string, @Query() { after, timeout = MAIL_WAIT_SECONDS_DEFAULT }: MailWaitQueryDto) {
    if (call.request.method === 'HEAD') throw new AppError('METHOD_NOT_ALLOWED');
    return this.waits.wait(call, { sessionId, after }, timeout * 1_000);
  }

  @AgentMay('its-own')
  @Get('thread/:threadId')
  thread(@HttpCall() call: Call, @Param('threadId') threadId: string, @Query() query: ThreadQueryDto) {
    return this.relay.read(call, SessionRpc.listMail, { threadId, ...query });
  }

  @AgentMay('its-own')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, SessionRpc.getMail, { id });
  }

  @AgentMay('its-own')
  @Post(':id/read')
  read(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.readMail, { id });
  }

  @AgentMay('its-own')
  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.deleteMail, { id });
  }
}
