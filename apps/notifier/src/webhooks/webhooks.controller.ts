import { Injectable, type OnModuleInit } from '@nestjs/common';
import { NotifierRpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { DeliveriesService } from './deliveries.service.js';
import { WebhooksService } from './webhooks.service.js';

/** Webhooks over NATS. */
@Injectable()
export class WebhooksController implements OnModuleInit {
  constructor(private readonly bus: Bus, private readonly webhooks: WebhooksService, private readonly deliveries: DeliveriesService) {}

  onModuleInit(): void {
    const { bus, webhooks, deliveries } = this;
    bus.serve(NotifierRpc.createWebhook, (request) => webhooks.create(request));
    bus.serve(NotifierRpc.listWebhooks, (request) => webhooks.list(request));
    bus.serve(NotifierRpc.getWebhook, ({ id }) => webhooks.get(id));
    bus.serve(NotifierRpc.updateWebhook, (request) => webhooks.update(request));
    bus.serve(NotifierRpc.deleteWebhook, (request) => webhooks.remove(request));
    bus.serve(NotifierRpc.webhookSecret, ({ id }) => webhooks.secret(id));
    bus.serve(NotifierRpc.rotateWebhookSecret, (request) => webhooks.rotateSecret(request));
    bus.serve(NotifierRpc.testWebhook, (request) => deliveries.test(request));
    bus.serve(NotifierRpc.listDeliveries, (request) => deliveries.list(request));
    bus.serve(NotifierRpc.getDelivery, (request) => deliveries.get(request));
    bus.serve(NotifierRpc.retryDelivery, (request) => deliveries.retry(request));
  }
}
