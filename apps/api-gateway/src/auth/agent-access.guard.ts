import { Injectable, SetMetadata, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { AppError } from '@orbitmesh/domain';
import type { TokenScope } from '@orbitmesh/contracts';
import { isPublic } from '../http/public.js';
import type { Principal } from './principal.js';

const AGENT_MAY = 'orbitmesh:agent-may';
const ADMIN_ONLY = 'orbitmesh:admin-only';
const TAKES = 'orbitmesh:takes';
/** Methods that change nothing (RFC 9110 §9.2.1). */
const SAFE = ['GET', 'HEAD', 'OPTIONS'];

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

/** Closed to all but the admin's own token: what makes or ends tokens, and what tells of all that was done. */
export const AdminOnly = () => SetMetadata(ADMIN_ONLY, true);

export function isAdminOnly(handler: object): boolean {
  return Reflect.getMetadata(ADMIN_ONLY, handler) === true;
}

/** The scope that a user's token needs, where the method does not say it: a GET that gives something away, a POST that changes nothing. */
export const Takes = (scope: TokenScope) => SetMetadata(TAKES, scope);

/** What a user's token needs for a controller's method. */
export function scopeOf(handler: object, method: string): TokenScope {
  return Reflect.getMetadata(TAKES, handler) as TokenScope | undefined ?? (SAFE.includes(method.toUpperCase()) ? 'read' : 'write');
}

/** @throws FORBIDDEN for a user's token without that scope */
export function checkScope({ scopes }: Pick<Principal, 'scopes'>, needed: TokenScope): void {
  if (scopes && !scopes.includes(needed)) throw new AppError('FORBIDDEN', `This token may not ${needed}; it was made with the scope ${scopes.join(' ')}.`, { scopes, needed });
}

interface Named { id?: string; sessionId?: string; projectId?: string }

/** What each kind of token may do: of every route, and said at the route (design §6). */
@Injectable()
export class AgentAccessGuard implements CanActivate {
  /** @throws FORBIDDEN; UNAUTHENTICATED for who came past the entrance without a token, which nobody should */
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<FastifyRequest<{ Params: Named }>>();
    const { principal, params, method } = request;
    if (!principal && !isPublic(request)) throw new AppError('UNAUTHENTICATED');
    if (!principal) return true;
    const handler = context.getHandler();
    if (isAdminOnly(handler) && principal.actor.kind !== 'admin') throw new AppError('FORBIDDEN', "This takes the owner's own token.");
    checkScope(principal, scopeOf(handler, method));
    const { agent } = principal;
    if (agent && !isOpen(agentScopeOf(handler), params, agent)) throw notYours(agent);
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
