import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { bootstrapService } from '@orbitmesh/service-kit';
import { AppModule } from './app.module.js';
import { GatewayConfig } from './gateway.config.js';
import { isLoopback } from './http/addresses.js';
import { createApp } from './http/create-app.js';

const REMOTE_WARNING = 'other machines can reach this gateway: whoever has a token runs commands here as this user, and it speaks plain HTTP, so anybody on the way '
  + 'reads tokens unless a proxy with TLS stands before it';

void bootstrapService({
  name: 'api-gateway',
  module: AppModule,
  configClass: GatewayConfig,
  create: (root, { logger }) => createApp(root, logger),
  start: async (app, { config, logger }) => {
    const http = app as NestFastifyApplication;
    await http.listen({ port: config.port, host: config.host });
    if (!isLoopback(config.host)) logger.warn({ host: config.host, allowedHosts: config.allowedHosts }, REMOTE_WARNING);
    const { port } = (http.getHttpServer() as Server).address() as AddressInfo;
    return { port };
  },
});
