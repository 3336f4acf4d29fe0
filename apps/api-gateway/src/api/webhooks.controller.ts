import { Body, Controller, Delete, Get, Header, Inject, Param, Patch, Post, Query } from '@nestjs/common';
import { CreateWebhookDto, DeliveryQueryDto, NotifierRpc, UpdateWebhookDto, WebhookQueryDto } from '@orbitmesh/contracts';
import { Takes } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers, AnswersNothing } from '../openapi/answers.js';

/** Where notifications go out to, and what became of them on the way. Closed to agents. */
@Controller('api/webhooks')
export class WebhooksController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Answers(201, 'Webhook', 'Creates a webhook; its secret is at `/secret`.', { codes: ['LIMIT_REACHED'] })
  @Post()
  create(@HttpCall() call: Call, @Body() body: CreateWebhookDto) {
    return this.relay.command(call, NotifierRpc.createWebhook, { body }, (webhook) => `/api/webhooks/${webhook.id}`);
  }

  @Answers(200, 'WebhookPage', 'Lists webhooks.')
  @Get()
  list(@HttpCall() call: Call, @Query() query: WebhookQueryDto) {
    return this.relay.read(call, NotifierRpc.listWebhooks, query);
  }

  /** Its revision is for If-Match; it does not move with `lastDelivery`, so there is no 304. */
  @Answers(200, 'Webhook', 'Shows a webhook.', { moving: true })
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.moving(call, NotifierRpc.getWebhook, { id });
  }

  @Answers(200, 'Webhook', 'Changes a webhook; one made inactive drops what waits.')
  @Patch(':id')
  update(@HttpCall() call: Call, @Param('id') id: string, @Body() body: UpdateWebhookDto) {
    return this.relay.command(call, NotifierRpc.updateWebhook, { id, body });
  }

  @AnswersNothing('Deletes a webhook, and what waits for it.')
  @Delete(':id')
  remove(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, NotifierRpc.deleteWebhook, { id });
  }

  /** Who has it can sign as we do: more than to look. */
  @Takes('write')
  @Answers(200, 'WebhookSecret', 'Shows the secret that signs its deliveries.')
  @Get(':id/secret')
  @Header('cache-control', 'no-store')
  secret(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.read(call, NotifierRpc.webhookSecret, { id });
  }

  @Answers(200, 'Webhook', 'Replaces the secret.')
  @Post(':id/rotate-secret')
  rotateSecret(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, NotifierRpc.rotateWebhookSecret, { id });
  }

  @Answers(202, 'Delivery', 'Sends a test to the webhook.', { codes: ['CONFLICT', 'LIMIT_REACHED'] })
  @Post(':id/test')
  test(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, NotifierRpc.testWebhook, { id });
  }

  @Answers(200, 'DeliveryPage', 'Lists deliveries, oldest first.')
  @Get(':id/deliveries')
  deliveries(@HttpCall() call: Call, @Param('id') id: string, @Query() query: DeliveryQueryDto) {
    return this.relay.read(call, NotifierRpc.listDeliveries, { id, ...query });
  }

  @Answers(200, 'Delivery', 'Shows a delivery.')
  @Get(':id/deliveries/:deliveryId')
  delivery(@HttpCall() call: Call, @Param('id') id: string, @Param('deliveryId') deliveryId: string) {
    return this.relay.document(call, NotifierRpc.getDelivery, { id, deliveryId });
  }

  @Answers(202, 'Delivery', 'Sends a parked delivery again.', { codes: ['CONFLICT', 'LIMIT_REACHED'] })
  @Post(':id/deliveries/:deliveryId/retry')
  retry(@HttpCall() call: Call, @Param('id') id: string, @Param('deliveryId') deliveryId: string) {
    return this.relay.command(call, NotifierRpc.retryDelivery, { id, deliveryId });
  }
}
