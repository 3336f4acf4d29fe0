import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA, ROUTE_ARGS_METADATA, RouteParamtypes } from '@nestjs/common/internal';
import { fieldsOf, type DtoClass, type TokenScope } from '@orbitmesh/contracts';
import { agentScopeOf, isAdminOnly, scopeOf, type AgentScope } from '../auth/agent-access.guard.js';
import { isOpen } from '../http/public.js';
import { answersOf, type AnswerDescription } from './answers.js';

/** One route, as its controller says it. */
export interface Operation {
  id: string;
  /** `get`, `post` … */
  method: string;
  /** With `{id}` for `:id`. */
  path: string;
  tag: string;
  /** Takes a token. */
  guarded: boolean;
  /** What of it is an agent's; undefined: nothing. */
  agents: AgentScope | undefined;
  /** Only the admin's token may. */
  adminOnly: boolean;
  /** What a user's token needs. */
  scope: TokenScope;
  answers: AnswerDescription;
  body?: DtoClass;
  query?: DtoClass;
  bodyFields: readonly string[];
  queryFields: readonly string[];
  /** A mutation of something that is there already: it has a revision, which If-Match can name. */
  conditional: boolean;
}

/** @throws for a method that does not say what it answers */
export function operationsOf(controllers: readonly Type[]): Operation[] {
  return controllers.flatMap((controller) => {
    const prototype = controller.prototype as Record<string, object>;
    return Object.getOwnPropertyNames(prototype)
      .filter((name) => Reflect.getMetadata(METHOD_METADATA, prototype[name]) !== undefined)
      .map((name) => operationOf(controller, name, prototype[name]));
  });
}

function operationOf(controller: Type, name: string, handler: object): Operation {
  const parts = [controller, handler].flatMap((of) => String(Reflect.getMetadata(PATH_METADATA, of)).split('/')).filter(Boolean);
  const path = `/${parts.join('/').replace(/:(\w+)/g, '{$1}')}`;
  const method = RequestMethod[Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod].toLowerCase();
  const answers = answersOf(handler);
  if (!answers) throw new TypeError(`${controller.name}.${name} does not say what it answers: decorate it with @Answers`);
  const { body, query } = dtosOf(controller, name);
  const tag = path.startsWith('/api/') ? camelCase(parts[1]) : 'system';
  return {
    id: `${tag}.${answers.name ?? name}`, method, path, tag, guarded: !isOpen(handler), agents: agentScopeOf(handler), adminOnly: isAdminOnly(handler), scope: scopeOf(handler, method), answers, body, query,
    bodyFields: [...(fieldsOf(body)?.keys() ?? [])], queryFields: [...(fieldsOf(query)?.keys() ?? [])],
    conditional: method !== 'get' && path.includes('{') && !answers.local,
  };
}

function dtosOf(controller: Type, name: string): Pick<Operation, 'body' | 'query'> {
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype as object, name) ?? []) as DtoClass[];
  const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as Record<string, { index: number }>;
  const typeOf = (kind: RouteParamtypes) => Object.entries(args).filter(([key]) => key.startsWith(`${kind}:`)).map(([, { index }]) => types[index])[0];
  return { body: typeOf(RouteParamtypes.BODY), query: typeOf(RouteParamtypes.QUERY) };
}

function camelCase(segment: string): string {
  return segment.replace(/-(\w)/g, (_dash, letter: string) => letter.toUpperCase());
}
