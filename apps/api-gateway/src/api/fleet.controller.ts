import { Controller, Get, Inject, Query } from '@nestjs/common';
import { EventQueryDto, SessionRpc } from '@orbitmesh/contracts';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';

@Controller('api/events')
export class EventsController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Get()
  page(@HttpCall() call: Call, @Query() query: EventQueryDto) {
    return this.relay.read(call, SessionRpc.eventPage, query);
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
