import { RequestMethod, type Type } from '@nestjs/common';
import { METHOD_METADATA, PATH_METADATA, ROUTE_ARGS_METADATA, RouteParamtypes } from '@nestjs/common/internal';
import { fieldsOf, type DtoClass, type Field, type JsonSchema } from '@orbitmesh/contracts';
import { ID_PATTERN } from '@orbitmesh/domain';

interface Operation { path: string; method: string; operationId: string; body?: DtoClass; query?: DtoClass }
const PUBLIC = ['/health/', '/openapi.json'];

/** OpenAPI 3.1 of what the controllers really take, out of their own decorators; answers are told by status alone for now. */
export function openApiOf(controllers: readonly Type[]): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  const schemas: Record<string, JsonSchema> = { Problem: PROBLEM_SCHEMA };
  for (const operation of controllers.flatMap(operationsOf)) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}');
    (paths[path] ??= {})[operation.method] = describe(operation, path, schemas);
  }
  return {
    openapi: '3.1.0',
    info: { title: 'OrbitMesh', version: '0.1.0', description: 'Runs coding agents. Live events: WebSocket at /ws.' },
    security: [{ bearer: [] }],
    paths,
    components: { schemas, securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
  };
}

function operationsOf(controller: Type): Operation[] {
  const prototype = controller.prototype as Record<string, object>;
  const base = String(Reflect.getMetadata(PATH_METADATA, controller));
  return Object.getOwnPropertyNames(prototype).flatMap((name) => {
    const handler = prototype[name];
    const method = Reflect.getMetadata(METHOD_METADATA, handler) as RequestMethod | undefined;
    if (method === undefined) return [];
    const path = `/${[base, String(Reflect.getMetadata(PATH_METADATA, handler))].flatMap((part) => part.split('/')).filter(Boolean).join('/')}`;
    const dto = dtosOf(controller, name);
    return [{ path, method: RequestMethod[method].toLowerCase(), operationId: `${controller.name.replace('Controller', '')}.${name}`, ...dto }];
  });
}

function dtosOf(controller: Type, name: string): Pick<Operation, 'body' | 'query'> {
  const types = (Reflect.getMetadata('design:paramtypes', controller.prototype as object, name) ?? []) as DtoClass[];
  const args = (Reflect.getMetadata(ROUTE_ARGS_METADATA, controller, name) ?? {}) as Record<string, { index: number }>;
  const typeOf = (kind: RouteParamtypes) => Object.entries(args).filter(([key]) => key.startsWith(`${kind}:`)).map(([, { index }]) => types[index])[0];
  return { body: typeOf(RouteParamtypes.BODY), query: typeOf(RouteParamtypes.QUERY) };
}

function describe({ operationId, body, query }: Operation, path: string, schemas: Record<string, JsonSchema>): Record<string, unknown> {
  const inPath = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: { type: 'string', pattern: ID_PATTERN.source } }));
  const inQuery = [...(fieldsOf(query) ?? [])].map(([name, field]) => ({ name, in: 'query', required: field.required, schema: schemaOf(field, schemas) }));
  return {
    operationId,
    ...(PUBLIC.some((prefix) => path.startsWith(prefix)) && { security: [] }),
    ...(inPath.length + inQuery.length > 0 && { parameters: [...inPath, ...inQuery] }),
    ...(body && { requestBody: { required: [...(fieldsOf(body)?.values() ?? [])].some((field) => field.required), content: { 'application/json': { schema: refTo(body, schemas) } } } }),
    responses: {
      '2XX': { description: 'Done, or recorded as intent (202).' },
      default: { description: 'Refused or failed.', content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } },
    },
  };
}

function refTo(dto: DtoClass, schemas: Record<string, JsonSchema>): JsonSchema {
  if (!(dto.name in schemas)) {
    const fields = [...(fieldsOf(dto) ?? [])];
    schemas[dto.name] = {
      type: 'object',
      additionalProperties: false,
      required: fields.filter(([, field]) => field.required).map(([name]) => name),
      properties: Object.fromEntries(fields.map(([name, field]) => [name, schemaOf(field, schemas)])),
    };
  }
  return { $ref: `#/components/schemas/${dto.name}` };
}

function schemaOf({ schema, element }: Field, schemas: Record<string, JsonSchema>): JsonSchema {
  const { nullable, ...own } = schema;
  if (element) return own['type'] === 'array' ? { ...own, items: refTo(element(), schemas) } : refTo(element(), schemas);
  return nullable ? { anyOf: [own, { type: 'null' }] } : own;
}

const PROBLEM_SCHEMA: JsonSchema = {
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'traceId'],
  properties: {
    type: { type: 'string' }, title: { type: 'string' }, status: { type: 'integer' }, code: { type: 'string' }, detail: { type: 'string' }, traceId: { type: 'string' },
    errors: {
      type: 'array',
      items: { type: 'object', properties: { in: { enum: ['body', 'query', 'path', 'header'] }, pointer: { type: 'string' }, detail: { type: 'string' } } },
    },
  },
};
