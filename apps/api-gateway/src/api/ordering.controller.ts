import { Body, Controller, Get, Inject, Param, Post, Put } from '@nestjs/common';
import { MoveInOrderingDto, ReplaceOrderingDto, SessionRpc, validationError } from '@orbitmesh/contracts';
import { ORDERED_ENTITIES, type ErrorCode, type OrderedEntity } from '@orbitmesh/domain';
import { AgentMay } from '../auth/agent-access.guard.js';
import { Relay } from '../http/relay.js';
import { HttpCall, type Call } from '../http/request-context.js';
import { Answers } from '../openapi/answers.js';

/** Whatever is placed has to be there. */
const PLACING: readonly ErrorCode[] = ['TASK_NOT_FOUND', 'SESSION_NOT_FOUND', 'ORDERING_TOO_LONG'];

/** The order that people gave a project's tasks or sessions. */
@Controller('api/ordering/:entityType/:projectId')
export class OrderingController {
  constructor(@Inject(Relay) private readonly relay: Relay) {}

  @AgentMay('project')
  @Answers(200, 'Ordering', 'Shows which ids of a project were placed, and in what order.')
  @Get()
  get(@HttpCall() call: Call, @Param('entityType') entityType: string, @Param('projectId') projectId: string) {
    return this.relay.document(call, SessionRpc.getOrdering, { entityType: orderedEntity(entityType), projectId });
  }

  @Answers(200, 'Ordering', 'Places these ids, and no others.', { codes: PLACING })
  @Put()
  replace(@HttpCall() call: Call, @Param('entityType') entityType: string, @Param('projectId') projectId: string, @Body() { ids }: ReplaceOrderingDto) {
    return this.relay.command(call, SessionRpc.replaceOrdering, { entityType: orderedEntity(entityType), projectId, ids });
  }

  @Answers(200, 'Ordering', 'Places one id before or after another.', { codes: PLACING })
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
