import { Inject, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';

const AGENT_MAY = 'orbitmesh:agent-may';
/** Whose id the path's `:id` must be. */
export type AgentScope = 'session' | 'task' | 'project';

/**
 * Opens an operation to agents' tokens, for what is their own (`:id` is their session, one of its tasks, its project). What is not
 * marked is closed to them: an agent neither answers its own approvals nor starts others. session-service checks again.
 */
export const AgentMay = (scope: AgentScope) => SetMetadata(AGENT_MAY, scope);

@Injectable()
export class AgentAccessGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: { id?: string } }>>();
    const agent = request.principal?.agent;
    if (!agent) return true;
    const scope = this.reflector.get<AgentScope | undefined>(AGENT_MAY, context.getHandler());
    const id = request.params.id ?? '';
    const own = { session: id === agent.sessionId, task: agent.taskIds.includes(id), project: id === agent.projectId };
    if (scope === undefined || !own[scope]) {
      throw new AppError('FORBIDDEN', 'An agent may act only as its own session.', { sessionId: agent.sessionId });
    }
    return true;
  }
}
