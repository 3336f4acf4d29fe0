import { Inject, Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import { isPublic } from '../http/public.js';
import type { Principal } from './principal.js';

const AGENT_MAY = 'orbitmesh:agent-may';

/**
 * What of an operation is an agent's:
 * - `session`, `project`: the path names its session, its project. Checked here, asked of nobody.
 * - `its-project`: what belongs to its project; `its-own`: what belongs to its session. Only session-service knows which that
 *   is, so it is told who asks (`reader` of a read, `meta.actor` of a command), and shows and changes nothing else.
 */
export type AgentScope = 'session' | 'project' | 'its-project' | 'its-own';

/**
 * Opens an operation to agents' tokens. What is not marked is closed to them: an agent neither answers its own approvals nor
 * stops others.
 */
export const AgentMay = (scope: AgentScope) => SetMetadata(AGENT_MAY, scope);

/** What a controller's method is marked with. */
export function agentScopeOf(handler: object): AgentScope | undefined {
  return Reflect.getMetadata(AGENT_MAY, handler) as AgentScope | undefined;
}

interface Named { id?: string; sessionId?: string; projectId?: string }

@Injectable()
export class AgentAccessGuard implements CanActivate {
  constructor(@Inject(Reflector) private readonly reflector: Reflector) {}

  /** @throws FORBIDDEN; UNAUTHENTICATED for who came past the entrance without a token, which nobody should */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: Named }>>();
    if (!request.principal && !isPublic(request)) throw new AppError('UNAUTHENTICATED');
    const agent = request.principal?.agent;
    if (!agent) return true;
    if (!isOpen(this.reflector.get<AgentScope | undefined>(AGENT_MAY, context.getHandler()), request.params, agent)) throw notYours(agent);
    return true;
  }
}

function isOpen(scope: AgentScope | undefined, { id, sessionId, projectId }: Named, agent: NonNullable<Principal['agent']>): boolean {
  if (scope === 'session') return (sessionId ?? id) === agent.sessionId;
  if (scope === 'project') return (projectId ?? id) === agent.projectId;
  return scope !== undefined;
}

export function notYours({ sessionId, projectId }: NonNullable<Principal['agent']>): AppError {
  return new AppError('FORBIDDEN', 'An agent acts as its own session, and sees what is its project\'s.', { sessionId, projectId });
}
