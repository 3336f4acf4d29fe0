import { Injectable, type OnModuleInit } from '@nestjs/common';
import { NotifierRpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { HealthRegistry } from '@orbitmesh/service-kit';
import { FeedFollower } from '../feed/feed.follower.js';
import { InboxRepository } from './inbox.repository.js';
import { InboxService } from './inbox.service.js';

/** What notifier answers over NATS. */
@Injectable()
export class InboxController implements OnModuleInit {
  constructor(
    private readonly bus: Bus,
    private readonly inbox: InboxService,
    private readonly repository: InboxRepository,
    private readonly follower: FeedFollower,
    private readonly health: HealthRegistry,
  ) {}

  onModuleInit(): void {
    this.bus.serve(NotifierRpc.list, (request) => this.inbox.list(request));
    this.bus.serve(NotifierRpc.get, ({ id }) => this.inbox.get(id));
    this.bus.serve(NotifierRpc.markRead, (request) => this.inbox.markRead(request));
    this.bus.serve(NotifierRpc.health, () => this.report());
  }

  private report() {
    const store = this.repository.health();
    const { jumpCount, droppedRead, droppedUnread } = this.repository.durablePosition();
    this.health.set('store', store.writable, { ...store });
    this.health.set('inbox', true, { entries: this.repository.count, droppedRead, droppedUnread });
    // Being behind is no fault of ours: session-service may be away.
    this.health.set('feed', true, { ...this.follower.state(), jumpCount });
    return this.health.report();
  }
}
