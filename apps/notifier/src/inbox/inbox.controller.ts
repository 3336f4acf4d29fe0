import { Injectable, type OnModuleInit } from '@nestjs/common';
import { NotifierRpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { InboxService } from './inbox.service.js';

/** The inbox over NATS. */
@Injectable()
export class InboxController implements OnModuleInit {
  constructor(private readonly bus: Bus, private readonly inbox: InboxService) {}

  onModuleInit(): void {
    this.bus.serve(NotifierRpc.list, (request) => this.inbox.list(request));
    this.bus.serve(NotifierRpc.get, ({ id }) => this.inbox.get(id));
    this.bus.serve(NotifierRpc.markRead, (request) => this.inbox.markRead(request));
    this.bus.serve(NotifierRpc.markUnread, (request) => this.inbox.markUnread(request));
    this.bus.serve(NotifierRpc.readMany, (request) => this.inbox.readMany(request));
  }
}
