// First of all: what it reads is gone as soon as the service begins.
import './start-umask.js';
import { bootstrapService } from '@orbitmesh/service-kit';
import { AppModule, ProviderRunner } from './app.module.js';
import { ProviderRunnerConfig } from './provider-runner.config.js';

void bootstrapService({
  name: 'provider-runner',
  module: AppModule,
  configClass: ProviderRunnerConfig,
  start: (app) => app.get(ProviderRunner).start(),
});
