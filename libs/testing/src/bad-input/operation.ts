/** As much of JSON Schema as requests of ours are described with. */
export interface Schema {
  type?: string | string[];
  enum?: unknown[];
  pattern?: string;
  minimum?: number;
  maxLength?: number;
  maxItems?: number;
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: boolean | Schema;
  anyOf?: Schema[];
  oneOf?: Schema[];
  $ref?: string;
}
interface Parameter { name: string; in: string; schema?: Schema }
interface Described { parameters?: (Parameter | { $ref: string })[]; requestBody?: { required?: boolean; content: Record<string, { schema: Schema }> }; security?: unknown[] }
export interface OpenApiDocument { paths: Record<string, Record<string, Described>>; components: Record<string, Record<string, Schema>> }

export interface Operation {
  method: string;
  /** With its parameters in braces, as OpenAPI writes them. */
  path: string;
  isPublic: boolean;
  inPath: { name: string; schema: Schema }[];
  inQuery: { name: string; schema: Schema }[];
  body: { schema: Schema; required: boolean } | null;
}

/** Every operation a document describes, references followed where they stand. */
export function operationsOf(document: OpenApiDocument): Operation[] {
  return Object.entries(document.paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, described]) => operationOf(document, path, method, described)));
}

function operationOf(document: OpenApiDocument, path: string, method: string, { parameters = [], requestBody, security }: Described): Operation {
  const known = parameters.map((one) => ('$ref' in one ? at(document, one.$ref) as unknown as Parameter : one));
  const within = (place: string) => known.filter((one) => one.in === place).map(({ name, schema = {} }) => ({ name, schema: resolved(document, schema) }));
  const schema = requestBody?.content['application/json']?.schema;
  return {
    method: method.toUpperCase(), path, isPublic: security?.length === 0, inPath: within('path'), inQuery: within('query'),
    body: schema ? { schema: resolved(document, schema), required: requestBody?.required ?? false } : null,
  };
}

/** The same schema without references; ours are no circles. */
function resolved(document: OpenApiDocument, schema: Schema): Schema {
  if (schema.$ref !== undefined) return resolved(document, at(document, schema.$ref));
  const inner = (one: Schema): Schema => resolved(document, one);
  return {
    ...schema,
    ...(schema.items && { items: inner(schema.items) }),
    ...(schema.anyOf && { anyOf: schema.anyOf.map(inner) }),
    ...(schema.oneOf && { oneOf: schema.oneOf.map(inner) }),
    ...(typeof schema.additionalProperties === 'object' && { additionalProperties: inner(schema.additionalProperties) }),
    ...(schema.properties && { properties: Object.fromEntries(Object.entries(schema.properties).map(([name, one]) => [name, inner(one)])) }),
  };
}

function at(document: OpenApiDocument, reference: string): Schema {
  const found = reference.replace(/^#\//, '').split('/').reduce<unknown>((node, key) => (node as Record<string, unknown> | undefined)?.[key], document);
  if (!found) throw new TypeError(`${reference} leads nowhere`);
  return found as Schema;
}
