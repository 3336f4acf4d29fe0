import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { JsonSchema } from '@orbitmesh/contracts';
import { closed } from '@orbitmesh/contracts/schemas';

/** The committed copy; a test holds it equal to what the gateway answers. */
const DOCUMENT = fileURLToPath(new URL('../../../../docs/openapi.json', import.meta.url));

export interface OpenApiParameter { name: string; in: 'path' | 'query' | 'header'; required: boolean; schema: JsonSchema }
export interface OpenApiResponse { description: string; headers?: Record<string, object>; content?: Record<string, { schema: JsonSchema }> }
export interface OpenApiOperation {
  id: string;
  method: string;
  path: string;
  parameters: OpenApiParameter[];
  body?: JsonSchema;
  bodyRequired: boolean;
  responses: Record<string, OpenApiResponse>;
}

interface Reference { $ref: string }
interface RawOperation {
  operationId: string; parameters?: (OpenApiParameter | Reference)[]; responses: Record<string, OpenApiResponse | Reference>;
  requestBody?: { required: boolean; content: { 'application/json': { schema: JsonSchema } } };
}
interface RawDocument {
  paths: Record<string, Record<string, RawOperation>>;
  components: { schemas: Record<string, JsonSchema>; responses: Record<string, OpenApiResponse>; parameters: Record<string, OpenApiParameter> };
}

let operations: OpenApiOperation[] | undefined;

/** Every operation of docs/openapi.json, its references to parameters and responses followed. */
export function openApiOperations(): OpenApiOperation[] {
  return operations ??= read();
}

/** Its schemas as one document of definitions, closed: an answer may not have a field more than its type names. */
export function openApiDefinitions(): JsonSchema {
  const { components } = raw();
  const schemas = JSON.parse(JSON.stringify(components.schemas).replaceAll('"#/components/schemas/', '"#/$defs/')) as Record<string, JsonSchema>;
  const answers = openApiOperations().flatMap(({ id, responses }) => Object.entries(responses).flatMap(([status, { content }]) => {
    const schema = Object.values(content ?? {})[0]?.schema;
    return schema ? [[answerName(id, status), JSON.parse(JSON.stringify(schema).replaceAll('"#/components/schemas/', '"#/$defs/')) as JsonSchema]] : [];
  }));
  return closed({ $defs: { ...schemas, ...Object.fromEntries(answers) as Record<string, JsonSchema> } });
}

export function answerName(operationId: string, status: string): string {
  return `${operationId}.${status}`;
}

function raw(): RawDocument {
  return JSON.parse(readFileSync(DOCUMENT, 'utf8')) as RawDocument;
}

function read(): OpenApiOperation[] {
  const { paths, components } = raw();
  const nameIn = ($ref: string): string => $ref.slice($ref.lastIndexOf('/') + 1);
  return Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, { operationId, parameters = [], requestBody, responses }]) => ({
    id: operationId,
    method: method.toUpperCase(),
    path,
    parameters: parameters.map((one) => ('$ref' in one ? components.parameters[nameIn(one.$ref)] : one)),
    body: requestBody?.content['application/json'].schema,
    bodyRequired: requestBody?.required ?? false,
    responses: Object.fromEntries(Object.entries(responses).map(([status, one]) => [status, '$ref' in one ? components.responses[nameIn(one.$ref)] : one])),
  })));
}
