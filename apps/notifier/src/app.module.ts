import { join } from 'node:path';
import { Module } from '@nestjs/common';
import { Installation } from '@orbitmesh/service-kit';
import { FeedFollower } from './feed/feed.follower.js';
import { InboxController } from './inbox/inbox.controller.js';
import { InboxRepository } from './inbox/inbox.repository.js';
import { InboxService } from './inbox/inbox.service.js';
import { NotifierConfig } from './notifier.config.js';

@Module({
  providers: [
    {
      provide: InboxRepository,
      inject: [NotifierConfig, Installation],
      useFactory: (config: NotifierConfig, { installationId }: Installation) => InboxRepository.open({ dir: join(config.home, 'notifier'), installationId }),
    },
    InboxService,
    FeedFollower,
    InboxController,
  ],
})
export class AppModule {}
