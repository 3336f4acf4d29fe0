import { Controller, Get, Inject, Param, Post, Query, Res } from '@nestjs/common';
import { EventQueryDto, EventStreamQueryDto, SessionRpc } from '@orbitmesh/contracts';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { EventStreams } from '../live/event-streams.js';
import { Answers, AnswersMedia } from '../openapi/answers.js';

@Controller('api/events')
export class EventsController {
  constructor(@Inject(Relay) private readonly relay: Relay, @Inject(EventStreams) private readonly streams: EventStreams) {}

  @Answers(200, 'EventPage', 'Pages the feed; without `after` from the oldest event kept.', { codes: ['CURSOR_GONE', 'STORAGE_READ'] })
  @Get()
  page(@HttpCall() call: Call, @Query() query: EventQueryDto) {
    return this.relay.read(call, SessionRpc.eventPage, query);
  }

  /** @param _reply asked for so that Nest leaves the answer to us */
  @AgentMay('its-own')
  @AnswersMedia('text/event-stream', 'Streams the feed: `id:` is the cursor, `event:` the type, `data:` the envelope (EventEnvelope); first `stream.opened`.')
  @Get('stream')
  stream(@HttpCall() call: Call, @Query() query: EventStreamQueryDto, @Res() _reply: unknown) {
    this.streams.open(call, query);
  }
}

@Controller('api')
export class FleetController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Answers(200, 'RunnerList', 'Lists runners and what they can take.', { name: 'list' })
  @Get('runners')
  runners(@HttpCall() call: Call) {
    return this.relay.read(call, SessionRpc.listRunners, {});
  }

  @Answers(200, 'RunnerView', 'Drains a runner: it takes nothing new, and its sessions go on to their ends. It stays so until it is undone.', { name: 'drain' })
  @Post('runners/:id/drain')
  drain(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.drainRunner, { id, drained: true });
  }

  @Answers(200, 'RunnerView', 'Lets a runner that was drained take new sessions again.', { name: 'undrain' })
  @Post('runners/:id/undrain')
  undrain(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, SessionRpc.drainRunner, { id, drained: false });
  }

  @Answers(200, 'ProviderList', 'Lists providers: what may be started, and what their drivers can do.', { name: 'list' })
  @Get('providers')
  providers(@HttpCall() call: Call) {
    return this.relay.read(call, SessionRpc.listProviders, {});
  }
}
