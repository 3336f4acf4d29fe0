import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { CONTROLLERS } from './api/controllers.js';
import { MailWaits } from './api/mail-waits.js';
import { ReadinessProbe } from './api/readiness.js';
import { AuditLog } from './audit/audit.log.js';
import { AgentAccessGuard } from './auth/agent-access.guard.js';
import { Authenticator } from './auth/authenticator.js';
import { Tickets } from './auth/tickets.js';
import { TokenStore } from './auth/token.store.js';
import { Callers } from './http/callers.js';
import { Connections } from './http/connections.js';
import { KeptAnswers } from './http/kept-answers.js';
import { Door } from './http/door.js';
import { DtoPipe } from './http/dto.pipe.js';
import { Entrance } from './http/entrance.js';
import { HttpDrain } from './http/http-drain.js';
import { ProblemFilter } from './http/problem.filter.js';
import { Rates } from './http/rates.js';
import { Relay } from './http/relay.js';
import { RouteTable } from './http/route-table.js';
import { Pipelines } from './http/pipelines.js';
import { Traffic } from './http/traffic.js';
import { EventPager } from './live/event-pager.js';
import { EventStreams } from './live/event-streams.js';
import { EventTail } from './live/event-tail.js';
import { LiveClients } from './live/live-clients.js';
import { LiveCommands } from './live/live-commands.js';
import { LiveGateway } from './live/live.gateway.js';

@Module({
  controllers: CONTROLLERS,
  providers: [
    AuditLog, TokenStore, Tickets, Authenticator, KeptAnswers, Door, Connections, Rates, Callers, Entrance, Pipelines, Traffic, HttpDrain, RouteTable, Relay, MailWaits, ReadinessProbe, EventTail, EventPager, LiveClients, LiveCommands,
    LiveGateway, EventStreams, ProblemFilter,
    { provide: APP_PIPE, useClass: DtoPipe },
    { provide: APP_GUARD, useClass: AgentAccessGuard },
    { provide: APP_FILTER, useExisting: ProblemFilter },
  ],
})
export class AppModule {}
