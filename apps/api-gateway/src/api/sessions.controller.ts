import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ActionDto, AnswerApprovalDto, ContinueSessionDto, InputDto, SessionQueryDto, SessionRpc, SpawnSessionDto, UpdateSessionDto, validationError, type SessionAction,
} from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';

/** A session and what its users do to it; what it did is told by SessionRecordsController. */
@Controller('api/sessions')
export class SessionsController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @AgentMay('its-project')
  @Post('spawn')
  spawn(@HttpCall() call: Call, @Body() body: SpawnSessionDto) {
    return this.relay.command(call, SessionRpc.spawn, { body }, (session) => `/api/sessions/${session.id}`);
  }

  @AgentMay('its-project')
  @Get()
  list(@HttpCall() call: Call, @Query() query: SessionQueryDto) {
    return this.relay.list(call, SessionRpc.listSessions, query);
  }

  @AgentMay('its-project')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, SessionRpc.getSession, { id });
  }

  @Patch(':id')
  update(@HttpCall() call: Call, @Param('id') id: string, @Body() body: UpdateSessionDto) {
    return this.relay.command(call, SessionRpc.updateSession, { id, body });
  }

  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.deleteSession, { id });
  }

  @Post(':id/stop')
  stop(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'stop', body);
  }

  @Post(':id/pause')
  pause(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'pause', body);
  }

  @Post(':id/resume')
  resume(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'resume', body);
  }

  @Post(':id/kill')
  kill(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'kill', body);
  }

  @Post(':id/interrupt')
  interrupt(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'interrupt', body);
  }

  @Post(':id/input')
  input(@HttpCall() call: Call, @Param('id') id: string, @Body() { text }: InputDto) {
    return this.relay.command(call, SessionRpc.inputToSession, { id, text });
  }

  /** A new session, in the conversation of one that has ended. */
  @Post(':id/continue')
  continue(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ContinueSessionDto) {
    return this.relay.command(call, SessionRpc.continueSession, { id, body }, (session) => `/api/sessions/${session.id}`);
  }

  @Post(':id/approvals/:approvalId')
  answer(@HttpCall() call: Call, @Param('id') id: string, @Param('approvalId') approvalId: string, @Body() body: AnswerApprovalDto) {
    if ((body.optionId === undefined) === (body.decision === undefined)) {
      throw validationError([{ pointer: '', detail: 'must have either optionId or decision' }], 'body');
    }
    return this.relay.command(call, SessionRpc.answerApproval, { id, approvalId, ...body });
  }

  private act(call: Call, id: string, action: SessionAction, { reason }: ActionDto) {
    return this.relay.command(call, SessionRpc.actOnSession, { id, action, reason });
  }
}
