import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { PostTimelineDto, SessionEventQueryDto, SessionRpc, TimelineQueryDto } from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers } from '../openapi/answers.js';

/** What a session did and was given. */
@Controller('api/sessions/:id')
export class SessionRecordsController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @AgentMay('session')
  @Answers(200, 'EventPage', 'Pages the events of a session.', { codes: ['CURSOR_GONE', 'STORAGE_READ'] })
  @Get('events')
  events(@HttpCall() call: Call, @Param('id') id: string, @Query() query: SessionEventQueryDto) {
    return this.relay.read(call, SessionRpc.sessionEventPage, { id, ...query });
  }

  /** An agent's is also its children's. */
  @AgentMay('its-own')
  @Answers(200, 'EventPage', 'Pages the timeline of a session: its `timeline` events.', { codes: ['CURSOR_GONE', 'STORAGE_READ'] })
  @Get('timeline')
  timeline(@HttpCall() call: Call, @Param('id') id: string, @Query() query: TimelineQueryDto) {
    return this.relay.read(call, SessionRpc.listTimeline, { id, ...query });
  }

  /** The one thing an agent tells us of itself. */
  @AgentMay('session')
  @Answers(201, 'TimelineEvent', 'Adds an entry to the timeline of a session.', { codes: ['SESSION_ENDED', 'TASK_REFERENCE_INVALID'], name: 'postTimeline' })
  @Post('timeline')
  post(@HttpCall() call: Call, @Param('id') id: string, @Body() body: PostTimelineDto) {
    return this.relay.command(call, SessionRpc.postTimeline, { id, ...body }, () => `/api/sessions/${id}/timeline`);
  }

  @AgentMay('session')
  @Answers(200, 'Manifest', 'Shows what a session was started with.', { codes: ['NOT_FOUND'] })
  @Get('manifest')
  manifest(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, SessionRpc.getManifest, { id });
  }

  @AgentMay('session')
  @Answers(200, 'ManifestInput', 'Shows what its manifest was made from.', { codes: ['NOT_FOUND'] })
  @Get('manifest/input')
  manifestInput(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, SessionRpc.getManifestInput, { id });
  }

  @AgentMay('session')
  @Answers(200, 'TransitionList', 'Lists the states a session went through.')
  @Get('transitions')
  transitions(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, SessionRpc.listTransitions, { id });
  }

  @AgentMay('session')
  @Answers(200, 'ApprovalList', 'Lists the questions that its agent asked.')
  @Get('approvals')
  approvals(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, SessionRpc.listApprovals, { id });
  }
}
