import { Body, Controller, Delete, Get, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import {
  ActionDto, AnswerApprovalDto, ContinueSessionDto, InputDto, SessionQueryDto, SessionRpc, SpawnSessionDto, UpdateSessionDto, validationError, type SessionAction,
} from '@orbitmesh/contracts';
import type { ErrorCode } from '@orbitmesh/domain';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers, AnswersNothing } from '../openapi/answers.js';

const ACTING: readonly ErrorCode[] = ['INVALID_TRANSITION', 'NOT_SUPPORTED'];
const SPAWNING: readonly ErrorCode[] = ['WORKING_DIR_INVALID', 'MANIFEST_TOO_LARGE', 'CONFLICT', 'LIMIT_REACHED'];

/** A session and what its users do to it; what it did is told by SessionRecordsController. */
@Controller('api/sessions')
export class SessionsController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @AgentMay('its-project')
  @Answers(201, 'SessionView', 'Spawns a session.', { codes: SPAWNING })
  @Post('spawn')
  spawn(@HttpCall() call: Call, @Body() body: SpawnSessionDto) {
    return this.relay.command(call, SessionRpc.spawn, { body }, (session) => `/api/sessions/${session.id}`);
  }

  @AgentMay('its-project')
  @Answers(200, 'SessionPage', 'Lists sessions.')
  @Get()
  list(@HttpCall() call: Call, @Query() query: SessionQueryDto) {
    return this.relay.list(call, SessionRpc.listSessions, query);
  }

  @AgentMay('its-project')
  @Answers(200, 'SessionView', 'Shows a session.')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, SessionRpc.getSession, { id });
  }

  @Answers(200, 'SessionView', 'Renames a session.')
  @Patch(':id')
  update(@HttpCall() call: Call, @Param('id') id: string, @Body() body: UpdateSessionDto) {
    return this.relay.command(call, SessionRpc.updateSession, { id, body });
  }

  @AnswersNothing('Deletes a session that has ended.', { codes: ['SESSION_NOT_TERMINAL'] })
  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.deleteSession, { id });
  }

  @Answers([200, 202], 'SessionView', 'Stops a session in order.', { codes: ACTING })
  @Post(':id/stop')
  stop(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'stop', body);
  }

  @Answers([200, 202], 'SessionView', 'Pauses a session that runs.', { codes: ACTING })
  @Post(':id/pause')
  pause(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'pause', body);
  }

  @Answers([200, 202], 'SessionView', 'Lets a paused session go on.', { codes: ACTING })
  @Post(':id/resume')
  resume(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'resume', body);
  }

  @Answers([200, 202], 'SessionView', 'Ends a session at once.', { codes: ACTING })
  @Post(':id/kill')
  kill(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'kill', body);
  }

  @Answers([200, 202], 'SessionView', 'Breaks off the turn that runs, and keeps the session.', { codes: ACTING })
  @Post(':id/interrupt')
  interrupt(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ActionDto) {
    return this.act(call, id, 'interrupt', body);
  }

  @Answers(202, 'SessionView', 'Gives the agent an input.', { codes: ['SESSION_ENDED', 'NOT_SUPPORTED', 'LIMIT_REACHED'] })
  @Post(':id/input')
  input(@HttpCall() call: Call, @Param('id') id: string, @Body() { text, steer }: InputDto) {
    return this.relay.command(call, SessionRpc.inputToSession, { id, text, ...(steer !== undefined && { steer }) });
  }

  /** A new session, in the conversation of one that has ended. */
  @Answers(201, 'SessionView', 'Spawns a session in the conversation of one that has ended.', { codes: [...SPAWNING, 'SESSION_NOT_TERMINAL', 'NOT_SUPPORTED'] })
  @Post(':id/continue')
  continue(@HttpCall() call: Call, @Param('id') id: string, @Body() body: ContinueSessionDto) {
    return this.relay.command(call, SessionRpc.continueSession, { id, body }, (session) => `/api/sessions/${session.id}`);
  }

  @Answers(200, 'Approval', 'Answers a question of the agent.', { codes: ['APPROVAL_ALREADY_ANSWERED', 'SESSION_ENDED'], name: 'answerApproval' })
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
