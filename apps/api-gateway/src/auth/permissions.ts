import type { Type } from '@nestjs/common';
import { CLIENT_FRAMES, TOKEN_SCOPES, type ClientFrame, type TokenScope } from '@orbitmesh/contracts';
import { operationsOf, type Operation } from '../openapi/operations.js';

/** Everybody who may come: `agent` asks for what is its session's or its project's, `stranger` is an agent of another project. */
export const CALLERS = ['nobody', 'admin', 'read', 'write', 'both', 'agent', 'stranger', 'expired', 'revoked'] as const;
export type Caller = (typeof CALLERS)[number];
/** `own`: it is answered with what is the caller's own, however much else there is. A status: it is refused. */
export type Verdict = 'yes' | 'own' | '401' | '403' | '404';
export interface PermissionRow { operation: Operation; verdicts: Readonly<Record<Caller, Verdict>> }

const SCOPES_OF: Readonly<Partial<Record<Caller, readonly TokenScope[]>>> = { read: ['read'], write: ['write'], both: TOKEN_SCOPES };
/** What says who its sender is: no token, and none that is worth anything. */
const UNKNOWN: readonly Caller[] = ['nobody', 'expired', 'revoked'];

/** The whole of REST, out of what each route says of itself. */
export function permissionsOf(controllers: readonly Type[]): PermissionRow[] {
  return operationsOf(controllers).map((operation) => ({
    operation, verdicts: Object.fromEntries(CALLERS.map((caller) => [caller, verdictOf(operation, caller)])) as Record<Caller, Verdict>,
  }));
}

function verdictOf(operation: Operation, caller: Caller): Verdict {
  const { guarded, adminOnly, scope } = operation;
  if (!guarded || caller === 'admin') return 'yes';
  if (UNKNOWN.includes(caller)) return '401';
  const scopes = SCOPES_OF[caller];
  if (scopes) return !adminOnly && scopes.includes(scope) ? 'yes' : '403';
  return operation.agents === undefined || adminOnly ? '403' : agentVerdict(operation, caller);
}

/** What names nothing by its path is a list, or makes something: of one's own alone. */
function agentVerdict({ agents, path, method, answers, tag }: Operation, caller: Caller): Verdict {
  const named = path.includes('{id}');
  if (caller === 'agent') return named || method !== 'get' || agents === 'session' || agents === 'project' ? 'yes' : 'own';
  if (agents === 'session' || agents === 'project') return '403';
  if (answers.local) return 'yes';
  // A member's memory is its own agents', whether the member is there or not; mail is not there for whom it is not.
  if (named) return agents === 'its-own' && tag === 'teamMembers' ? '403' : '404';
  return method === 'get' ? 'own' : '404';
}

export interface FrameRow { frame: ClientFrame | 'the upgrade'; scope: TokenScope; agents: boolean }
/** What is said on `/ws` needs, beside a token that is worth something whenever it is said. */
const FRAMES: Readonly<Record<ClientFrame, Omit<FrameRow, 'frame'>>> = {
  subscribe: { scope: 'read', agents: true },
  unsubscribe: { scope: 'read', agents: true },
  ping: { scope: 'read', agents: true },
  answer_approval: { scope: 'write', agents: false },
};

export function frameRows(): FrameRow[] {
  return [{ frame: 'the upgrade', scope: 'read', agents: true }, ...CLIENT_FRAMES.map((frame): FrameRow => ({ frame, ...FRAMES[frame] }))];
}

/** A frame needs the scope of the upgrade as well: it is said by who is in. */
export function frameVerdict({ scope, agents }: FrameRow, caller: Caller): Verdict {
  if (UNKNOWN.includes(caller)) return '401';
  const scopes = SCOPES_OF[caller] ?? TOKEN_SCOPES;
  if (!scopes.includes('read') || !scopes.includes(scope)) return '403';
  return (caller === 'agent' || caller === 'stranger') && !agents ? '403' : 'yes';
}
