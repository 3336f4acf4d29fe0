import type { Server } from 'node:http';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { LOGGER, type Logger } from '@orbitmesh/service-kit';
import { DRAIN_MS_MAX } from '../limits.js';
import { Traffic } from './traffic.js';

/** Stops taking connections and answers what is in flight, while the bus still works (it drains after this hook). */
@Injectable()
export class HttpDrain implements OnModuleDestroy {
  constructor(@Inject(HttpAdapterHost) private readonly host: HttpAdapterHost, @Inject(Traffic) private readonly traffic: Traffic, @Inject(LOGGER) private readonly logger: Logger) {}

  async onModuleDestroy(): Promise<void> {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    server.close();
    server.closeIdleConnections();
    if (!await this.traffic.idle(DRAIN_MS_MAX)) this.logger.warn('requests cut off by shutdown');
    server.closeAllConnections();
  }
}
