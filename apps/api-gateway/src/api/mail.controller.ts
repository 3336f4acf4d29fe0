import { Body, Controller, Delete, Get, Inject, Param, Post, Query } from '@nestjs/common';
import {
  InboxQueryDto, MAIL_WAIT_SECONDS_DEFAULT, MailQueryDto, MailWaitQueryDto, REQUEST_TIMEOUT_MS, SendMailDto, SessionRpc, ThreadQueryDto,
} from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { checkRecipient } from './mail-recipient.js';

/** Messages between sessions, and between people and sessions. */
@Controller('api/mail')
export class MailController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

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

  @AgentMay('session')
  @Get('wait/:sessionId')
  wait(@HttpCall() call: Call, @Param('sessionId') sessionId: string, @Query() { after, timeout = MAIL_WAIT_SECONDS_DEFAULT }: MailWaitQueryDto) {
    const timeoutMs = timeout * 1_000;
    return this.relay.read(call, SessionRpc.waitForMail, { sessionId, after, timeoutMs }, { timeoutMs: timeoutMs + REQUEST_TIMEOUT_MS });
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
