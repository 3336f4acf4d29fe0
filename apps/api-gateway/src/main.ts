import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { bootstrapService } from '@orbitmesh/service-kit';
import { AppModule } from './app.module.js';
import { GatewayConfig } from './gateway.config.js';
import { createApp } from './http/create-app.js';

await bootstrapService({
  name: 'api-gateway',
  module: AppModule,
  configClass: GatewayConfig,
  create: (root, { logger }) => createApp(root, logger),
  start: async (app, { config }) => {
    const http = app as NestFastifyApplication;
    await http.listen({ port: config.port, host: config.host });
    const { port } = (http.getHttpServer() as Server).address() as AddressInfo;
    return { port };
  },
});
