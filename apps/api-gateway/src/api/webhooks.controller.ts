import { Body, Controller, Delete, Get, Header, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { CreateWebhookDto, DeliveryQueryDto, NotifierRpc, UpdateWebhookDto, WebhookQueryDto } from '@orbitmesh/contracts';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';

/** Where notifications go out to, and what became of them on the way. Closed to agents. */
@Controller('api/webhooks')
export class WebhooksController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Post()
  create(@HttpCall() call: Call, @Body() body: CreateWebhookDto) {
    return this.relay.command(call, NotifierRpc.createWebhook, { body }, (webhook) => `/api/webhooks/${webhook.id}`);
  }

  @Get()
  list(@HttpCall() call: Call, @Query() query: WebhookQueryDto) {
    return this.relay.read(call, NotifierRpc.listWebhooks, query);
  }

  /** Its revision is for If-Match; it does not move with `lastDelivery`, so there is no 304. */
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.moving(call, NotifierRpc.getWebhook, { id });
  }

  @Patch(':id')
  update(@HttpCall() call: Call, @Param('id') id: string, @Body() body: UpdateWebhookDto) {
    return this.relay.command(call, NotifierRpc.updateWebhook, { id, body });
  }

  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, NotifierRpc.deleteWebhook, { id });
  }

  @Get(':id/secret')
  @Header('cache-control', 'no-store')
  secret(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, NotifierRpc.webhookSecret, { id });
  }

  @Post(':id/rotate-secret')
  rotateSecret(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, NotifierRpc.rotateWebhookSecret, { id });
  }

  @Post(':id/test')
  test(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, NotifierRpc.testWebhook, { id });
  }

  @Get(':id/deliveries')
  deliveries(@HttpCall() call: Call, @Param('id') id: string, @Query() query: DeliveryQueryDto) {
    return this.relay.read(call, NotifierRpc.listDeliveries, { id, ...query });
  }

  @Get(':id/deliveries/:deliveryId')
  delivery(@HttpCall() call: Call, @Param('id') id: string, @Param('deliveryId') deliveryId: string) {
    return this.relay.document(call, NotifierRpc.getDelivery, { id, deliveryId });
  }

  @Post(':id/deliveries/:deliveryId/retry')
  retry(@HttpCall() call: Call, @Param('id') id: string, @Param('deliveryId') deliveryId: string) {
    return this.relay.command(call, NotifierRpc.retryDelivery, { id, deliveryId });
  }
}
