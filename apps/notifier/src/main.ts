import { bootstrapService } from '@orbitmesh/service-kit';
import { AppModule } from './app.module.js';
import { NotifierConfig } from './notifier.config.js';

void bootstrapService({ name: 'notifier', module: AppModule, configClass: NotifierConfig });
