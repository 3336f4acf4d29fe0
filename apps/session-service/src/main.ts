import { bootstrapService } from '@orbitmesh/service-kit';
import { AppModule } from './app.module.js';
import { SessionServiceConfig } from './session-service.config.js';

void bootstrapService({ name: 'session-service', module: AppModule, configClass: SessionServiceConfig });
