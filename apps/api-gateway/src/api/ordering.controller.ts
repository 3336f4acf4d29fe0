import { Body, Controller, Get, Inject, Param, Post, Put } from '@nestjs/common';
import { MoveInOrderingDto, ReplaceOrderingDto, SessionRpc, validationError } from '@orbitmesh/contracts';
import { ORDERED_ENTITIES, type OrderedEntity } from '@orbitmesh/domain';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';

/** The order that people gave a project's tasks or sessions. */
@Controller('api/ordering/:entityType/:projectId')
export class OrderingController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @AgentMay('project')
  @Get()
  get(@HttpCall() call: Call, @Param('entityType') entityType: string, @Param('projectId') projectId: string) {
    return this.relay.document(call, SessionRpc.getOrdering, { entityType: orderedEntity(entityType), projectId });
  }

  @Put()
  replace(@HttpCall() call: Call, @Param('entityType') entityType: string, @Param('projectId') projectId: string, @Body() { ids }: ReplaceOrderingDto) {
    return this.relay.command(call, SessionRpc.replaceOrdering, { entityType: orderedEntity(entityType), projectId, ids });
  }

  @Post('move')
  move(@HttpCall() call: Call, @Param('entityType') entityType: string, @Param('projectId') projectId: string, @Body() body: MoveInOrderingDto) {
    if ((body.before === undefined) === (body.after === undefined)) throw validationError([{ pointer: '', detail: 'must have either before or after' }], 'body');
    return this.relay.command(call, SessionRpc.moveInOrdering, { entityType: orderedEntity(entityType), projectId, body });
  }
}

/** @throws VALIDATION_FAILED */
function orderedEntity(given: string): OrderedEntity {
  const known = ORDERED_ENTITIES.find((entity) => entity === given);
  if (!known) throw validationError([{ pointer: '/entityType', detail: `must be one of: ${ORDERED_ENTITIES.join(', ')}` }], 'path');
  return known;
}
