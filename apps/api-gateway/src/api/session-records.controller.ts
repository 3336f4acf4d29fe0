import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { PostTimelineDto, SessionEventQueryDto, SessionRpc, TimelineQueryDto } from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';

/** What a session did and was given. */
@Controller('api/sessions/:id')
export class SessionRecordsController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @AgentMay('session')
  @Get('events')
  events(@HttpCall() call: Call, @Param('id') id: string, @Query() query: SessionEventQueryDto) {
    return this.relay.read(call, SessionRpc.sessionEventPage, { id, ...query });
  }

  /** An agent's is also its children's. */
  @AgentMay('its-own')
  @Get('timeline')
  timeline(@HttpCall() call: Call, @Param('id') id: string, @Query() query: TimelineQueryDto) {
    return this.relay.read(call, SessionRpc.listTimeline, { id, ...query });
  }

  /** The one thing an agent tells us of itself. */
  @AgentMay('session')
  @Post('timeline')
  post(@HttpCall() call: Call, @Param('id') id: string, @Body() body: PostTimelineDto) {
    return this.relay.command(call, SessionRpc.postTimeline, { id, ...body }, () => `/api/sessions/${id}/timeline`);
  }

  @AgentMay('session')
  @Get('manifest')
  manifest(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, SessionRpc.getManifest, { id });
  }

  @AgentMay('session')
  @Get('manifest/input')
  manifestInput(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, SessionRpc.getManifestInput, { id });
  }

  @AgentMay('session')
  @Get('transitions')
  transitions(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, SessionRpc.listTransitions, { id });
  }

  @AgentMay('session')
  @Get('approvals')
  approvals(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, SessionRpc.listApprovals, { id });
  }
}
