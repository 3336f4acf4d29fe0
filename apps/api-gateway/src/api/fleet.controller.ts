import { Controller, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { EventQueryDto, EventStreamQueryDto, NotificationQueryDto, NotifierRpc, SessionRpc } from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { EventStreams } from '../live/event-streams.js';

@Controller('api/events')
export class EventsController {
  constructor(@Inject(Relay) private readonly relay: Relay, @Inject(EventStreams) private readonly streams: EventStreams) {}

  @Get()
  page(@HttpCall() call: Call, @Query() query: EventQueryDto) {
    return this.relay.read(call, SessionRpc.eventPage, query);
  }

  /** @param _reply asked for so that Nest leaves the answer to us */
  @AgentMay('its-own')
  @Get('stream')
  stream(@HttpCall() call: Call, @Query() query: EventStreamQueryDto, @Res() _reply: unknown) {
    this.streams.open(call, query);
  }
}

@Controller('api/notifications')
export class NotificationsController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Get()
  list(@HttpCall() call: Call, @Query() query: NotificationQueryDto) {
    return this.relay.read(call, NotifierRpc.list, query);
  }

  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, NotifierRpc.get, { id });
  }

  @Post(':id/read')
  markRead(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, NotifierRpc.markRead, { id });
  }
}

@Controller('api')
export class FleetController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Get('runners')
  runners(@HttpCall() call: Call) {
    return this.relay.read(call, SessionRpc.listRunners, {});
  }

  @Get('providers')
  providers(@HttpCall() call: Call) {
    return this.relay.read(call, SessionRpc.listProviders, {});
  }
}
