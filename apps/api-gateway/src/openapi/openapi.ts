import type { Type } from '@nestjs/common';
import { fieldsOf, type JsonSchema } from '@orbitmesh/contracts';
import { definition, propertiesOf, reachable, referringTo, type SchemaSet } from '@orbitmesh/contracts/schemas';
import { ID_PATTERN, ORDERED_ENTITIES, type ErrorCode } from '@orbitmesh/domain';
import { PROBLEM_TYPE } from '../http/problem.js';
import { dtoReference, fieldSchema } from './dto-schemas.js';
import { errorCodesOf, saysOf } from './error-answers.js';
import { ANSWER_HEADERS, answerHeadersOf, errorHeadersOf, REQUEST_HEADERS, requestHeadersOf } from './headers.js';
import { operationsOf, type Operation } from './operations.js';

const SCHEMAS_AT = '#/components/schemas/';
const TAGS: Readonly<Record<string, string>> = {
  projects: 'A name and a working directory.', tasks: 'What is to be done.', teamMembers: 'Who does it: roles for agents.',
  ordering: 'The order that people gave tasks and sessions.', sessions: 'Pieces of agent work.', mail: 'Messages between sessions, and with people.',
  events: 'The feed.', notifications: 'What people should know.', webhooks: 'Notifications, sent out.', tokens: 'What users and programs come in with.', tickets: 'What browsers open a WebSocket or an event stream with.',
  audit: 'Who did what.', runners: 'Where agents run.',
  providers: 'What agents may be started.', system: 'The gateway itself.',
};
/** Parameters of a path that are no ids. */
const PATH_SCHEMAS: Readonly<Record<string, JsonSchema>> = { entityType: { enum: ORDERED_ENTITIES } };
const DESCRIPTIONS: Readonly<Record<number, string>> = {
  200: 'Done.', 201: 'Made.', 202: 'Recorded as intent; the feed shows what comes of it.', 204: 'Done; there is nothing to show.', 304: 'The caller has it already.',
};

/** What operations share, as it is found. */
interface Components { schemas: Record<string, JsonSchema>; responses: Record<string, object> }

/** OpenAPI 3.1 of what the controllers really take and answer: requests from the classes that validate, answers from the types. */
export function openApiOf(controllers: readonly Type[], set: SchemaSet): Record<string, unknown> {
  const operations = operationsOf(controllers);
  const parts: Components = { schemas: {}, responses: {} };
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) (paths[operation.path] ??= {})[operation.method] = describe(operation, parts, set);
  const answers = reachable([...operations.flatMap((one) => one.answers.schemas), 'Problem', 'EventEnvelope'].map((name) => ({ $ref: `#/$defs/${name}` })), set);
  for (const [name, schema] of Object.entries(answers)) parts.schemas[name] = referringTo(schema, SCHEMAS_AT);
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  return {
    openapi: '3.1.0',
    info: {
      title: 'OrbitMesh',
      version: '0.1.0',
      description: 'Runs coding agents. Live events also by WebSocket at `/ws`; what they hold is in docs/events.md. Answers are open: a client must bear a field it does not know.',
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    tags: tags.map((name) => ({ name, description: TAGS[name] })),
    paths,
    components: {
      schemas: sorted(parts.schemas),
      responses: sorted(parts.responses),
      parameters: REQUEST_HEADERS,
      headers: ANSWER_HEADERS,
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer', description: 'The admin\'s, a user\'s or an agent\'s token.' } },
    },
  };
}

function describe(operation: Operation, { schemas, responses }: Components, set: SchemaSet): Record<string, unknown> {
  const { id, tag, guarded, agents, adminOnly, scope, answers, body } = operation;
  const revised = answers.schemas.some((name) => 'revision' in propertiesOf(definition(set, name)));
  const parameters = [...pathParameters(operation), ...queryParameters(operation, schemas), ...requestHeadersOf(operation, revised)];
  return {
    operationId: id,
    summary: answers.summary,
    tags: [tag],
    ...(!guarded && { security: [] }),
    ...(guarded && { 'x-agents': agents ?? 'none', 'x-scope': adminOnly ? 'admin' : scope }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && { requestBody: { required: [...(fieldsOf(body)?.values() ?? [])].some((field) => field.required), content: { 'application/json': { schema: dtoReference(body, schemas) } } } }),
    responses: {
      ...Object.fromEntries(answers.statuses.map((status) => [status, success(operation, status, revised)])),
      ...(operation.method === 'get' && revised && !answers.moving && { 304: { description: DESCRIPTIONS[304], headers: answerHeadersOf(operation, 304, true) } }),
      ...Object.fromEntries([...errorCodesOf(operation)].map(([status, codes]) => [status, refusal(status, codes, responses)])),
      default: { description: 'Failed on our side (500), or refused before it was read as HTTP.', content: { [PROBLEM_TYPE]: { schema: { $ref: `${SCHEMAS_AT}Problem` } } } },
    },
  };
}

function pathParameters({ path }: Operation): object[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({ name, in: 'path', required: true, schema: PATH_SCHEMAS[name] ?? { type: 'string', pattern: ID_PATTERN.source } }));
}

function queryParameters({ query }: Operation, schemas: Record<string, JsonSchema>): object[] {
  return [...(fieldsOf(query) ?? [])].map(([name, field]) => {
    const schema = fieldSchema(field, schemas);
    // A list is one value with commas: `?sessionIds=a,b`.
    return { name, in: 'query', required: field.required, schema, ...(schema['type'] === 'array' && { style: 'form', explode: false }) };
  });
}

function success(operation: Operation, status: number, revised: boolean): Record<string, unknown> {
  const { schemas, mediaType } = operation.answers;
  const headers = answerHeadersOf(operation, status, revised);
  const references = schemas.map((name) => ({ $ref: `${SCHEMAS_AT}${name}` }));
  const bodyless = mediaType === 'application/json' ? { type: 'object' } : { type: 'string' };
  const schema = references.length > 1 ? { anyOf: references } : references[0] ?? bodyless;
  return { description: DESCRIPTIONS[status], ...(headers && { headers }), ...(status !== 204 && { content: { [mediaType]: { schema } } }) };
}

/** The same refusals are the same component, which has its codes for a name. */
function refusal(status: number, codes: readonly ErrorCode[], responses: Components['responses']): Record<string, unknown> {
  const name = [status, ...codes].join('.');
  const headers = errorHeadersOf(status);
  const schema = { $ref: `${SCHEMAS_AT}Problem`, type: 'object', properties: { code: { enum: codes } } };
  responses[name] ??= { description: saysOf(codes), ...(headers && { headers }), content: { [PROBLEM_TYPE]: { schema } } };
  return { $ref: `#/components/responses/${name}` };
}

function sorted<T>(record: Record<string, T>): Record<string, T> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
