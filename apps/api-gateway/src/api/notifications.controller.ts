import { Body, Controller, Get, Inject, Param, Post, Query } from '@nestjs/common';
import { NotificationQueryDto, NotifierRpc, ReadNotificationsDto } from '@orbitmesh/contracts';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers } from '../openapi/answers.js';

/** The inbox of the people: agents have no part in it. */
@Controller('api/notifications')
export class NotificationsController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @Answers(200, 'NotificationPage', 'Lists notifications, oldest first.')
  @Get()
  list(@HttpCall() call: Call, @Query() query: NotificationQueryDto) {
    return this.relay.read(call, NotifierRpc.list, query);
  }

  /** Marks read what matches; everything that is unread without a body. */
  @Answers(200, 'ReadCount', 'Marks read what matches; without a body everything.')
  @Post('read')
  readMany(@HttpCall() call: Call, @Body() body: ReadNotificationsDto) {
    return this.relay.command(call, NotifierRpc.readMany, { body });
  }

  @Answers(200, 'Notification', 'Shows a notification.')
  @Get(':id')
  get(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.document(call, NotifierRpc.get, { id });
  }

  @Answers(200, 'Notification', 'Marks a notification read.')
  @Post(':id/read')
  markRead(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, NotifierRpc.markRead, { id });
  }

  @Answers(200, 'Notification', 'Marks a notification unread.')
  @Post(':id/unread')
  markUnread(@HttpCall() call: Call, @Param('id') id: string) {
    return this.relay.command(call, NotifierRpc.markUnread, { id });
  }
}
