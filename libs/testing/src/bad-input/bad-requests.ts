import { operationsOf, type OpenApiDocument, type Operation, type Schema } from './operation.js';
import { accepts, faultsOf, sampleOf } from './schema-faults.js';

/** A request that must be refused, and how. */
export interface BadRequest {
  /** `METHOD /path/{id}`. */
  operation: string;
  what: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string | Buffer;
  status: number;
  /** The field that is wrong, and the part of the request it is in; absent where it is no field. */
  field?: { in: 'body' | 'query' | 'path' | 'header'; pointer: string };
}

export interface BadInputOptions {
  token: string;
  /** What stands for a parameter of the path. @default an id that is well-formed */
  idOf?: (path: string, name: string) => string;
  /** Bodies in whose stead the smallest that fits the schema would be refused, by operation. */
  bodies?: Record<string, object>;
  /** Put wherever a caller's secret could stand; it must turn up nowhere. */
  canary: string;
}

const JSON_TYPE = { 'content-type': 'application/json' };
const BIG_BYTES = 10 * 1024 * 1024;
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];
const BAD_SEGMENTS: [string, string][] = [
  ['dots', '..'], ['dots in escapes', '%2e%2e'], ['a slash in an escape', 'a%2Fb'], ['NUL', 'a%00b'], ['a wildcard', '%3E'], ['another wildcard', '*'], ['a dot', 'a.b'],
  ['65 characters', 'x'.repeat(65)], ['other letters', '%C3%A9'], ['a space', 'a%20b'], ['markup', '%3Cscript%3E'],
];
const BAD_TEXTS = ['', 'x', '-1', '0', '1.5', '1e9', '999999999999999999999', 'NaN', 'TRUE', '..', '*', 'a.b', 'a b', 'a,,b', 'a\0b', 'é', 'x'.repeat(300)];

/** For every operation a document describes, everything we know to do wrong with it. */
export function badRequestsOf(document: OpenApiDocument, options: BadInputOptions): BadRequest[] {
  const operations = operationsOf(document);
  return operations.flatMap((operation) => {
    const make = requestsOf(operation, options);
    return [
      ...badPaths(operation, make), ...badQueries(operation, make), ...badBodies(operation, make, options.canary), ...badWire(operation, make, options.canary),
      ...badHeaders(operation, make), ...badCallers(operation, make, options.canary), ...badMethods(operation, operations, make),
    ];
  });
}

type Change = Partial<Omit<BadRequest, 'operation'>> & { what: string; status: number; segments?: Record<string, string>; query?: string };
type Make = (change: Change) => BadRequest;

/** A good request but for one change. */
function requestsOf({ method, path, body }: Operation, { token, bodies = {}, canary, idOf = () => 'id_1' }: BadInputOptions): Make {
  const operation = `${method} ${path}`;
  const good = body && JSON.stringify(bodies[operation] ?? sampleOf(body.schema));
  return ({ segments = {}, query = '', headers = {}, ...change }) => ({
    operation, method,
    path: path.replace(/\{(\w+)\}/g, (_all, name: string) => segments[name] ?? idOf(path, name)) + query,
    headers: { authorization: `Bearer ${token}`, 'x-canary': canary, ...(good !== null && !('content-type' in headers) && JSON_TYPE), ...headers },
    ...(good !== null && { body: good }),
    ...change,
  });
}

function badPaths({ inPath }: Operation, make: Make): BadRequest[] {
  return inPath.flatMap(({ name }) => [
    ...BAD_SEGMENTS.map(([what, segment]) => make({ what: `${name}: ${what}`, segments: { [name]: segment }, status: 400, field: { in: 'path', pointer: `/${name}` } })),
    make({ what: `${name}: an escape that is none`, segments: { [name]: '%zz' }, status: 400 }),
    make({ what: `${name}: no UTF-8`, segments: { [name]: '%ff' }, status: 400 }),
  ]);
}

function badQueries({ inQuery }: Operation, make: Make): BadRequest[] {
  if (inQuery.length === 0) return [];
  const bad = (name: string, what: string, text: string) => make({ what: `?${name}: ${what}`, query: `?${text}`, status: 400, field: { in: 'query', pointer: `/${name}` } });
  return [
    ...['colour', '__proto__', 'constructor', 'toString'].map((name) => bad(name, 'unknown', `${name}=1`)),
    ...inQuery.flatMap(({ name, schema }) => [
      ...BAD_TEXTS.filter((text) => !readable(schema, text)).map((text) => bad(name, JSON.stringify(text.slice(0, 20)), `${name}=${encodeURIComponent(text)}`)),
      ...(typeOf(schema) === 'array' ? [] : [bad(name, 'twice', `${name}=1&${name}=2`)]),
    ]),
  ];
}

const typeOf = (schema: Schema): string | undefined => (Array.isArray(schema.type) ? schema.type[0] : schema.type);

/** Would a text of a query string be a value of the schema? */
function readable(schema: Schema, text: string): boolean {
  const type = typeOf(schema);
  if (type === 'integer') return /^\d{1,15}$/.test(text) && accepts(schema, Number(text));
  if (type === 'boolean') return text === 'true' || text === 'false';
  if (type === 'array') return accepts(schema, text === '' ? [] : text.split(','));
  return accepts(schema, text);
}

function badBodies({ body }: Operation, make: Make, canary: string): BadRequest[] {
  if (!body) return [];
  const { properties = {} } = body.schema;
  const sample = sampleOf(body.schema) as object;
  const secrets: [string, string][] = [['environment', 'API_KEY'], ['secrets', 'ANY_NAME']];
  return [
    ...faultsOf(body.schema, canary),
    ...secrets.filter(([field]) => field in properties).map(([field, name]) => ({ what: `a secret in ${field}`, pointer: `/${field}/${name}`, value: { ...sample, [field]: { [name]: canary } } })),
  ].map(({ what, pointer, value }) => make({ what, body: JSON.stringify(value), status: 400, field: { in: 'body', pointer } }));
}

/** What is wrong before anybody asks what a body says: for every operation that changes something. */
function badWire({ method, body }: Operation, make: Make, canary: string): BadRequest[] {
  if (method === 'GET' || method === 'DELETE') return [];
  const raw = (what: string, text: string | Buffer, pointer = ''): BadRequest => make({ what, body: text, headers: JSON_TYPE, status: 400, field: { in: 'body', pointer } });
  const media = (what: string, headers: Record<string, string>, text = '{}'): BadRequest => make({ what, body: text, headers, status: 415 });
  return [
    raw('broken JSON', `{"${canary}":`), raw('two values', '{} {}'), raw('a trailing comma', '{"a":1,}'), raw('single quotes', "{'a':1}"), raw('a comment', '{}//'), raw('a BOM', '\uFEFF{}'),
    raw('no UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), raw('a key twice', '{"a":1,"a":2}'), raw('a key twice, escaped', '{"a":1,"\\u0061":2}'), raw('a key twice, within', '{"a":{"b":1,"b":2}}'),
    raw('__proto__', '{"__proto__":{"admin":true}}', '/__proto__'), raw('__proto__, escaped', '{"\\u005f_proto__":{}}', '/__proto__'), raw('an infinite number', '{"a":1e400}', '/a'), raw('much nesting', `{"a":${'['.repeat(40)}${']'.repeat(40)}}`),
    raw('a NUL in a key', '{"a\\u0000":1}'), raw('a lone surrogate', '{"a":"\\ud800"}', '/a'),
    ...(body ? [raw('a list', '[]'), raw('null', 'null'), raw('a number', '12345678901234567890'), raw('a text', `"${canary}"`)] : []),
    ...(body?.required ? [raw('nothing', '')] : []),
    media('text/plain', { 'content-type': 'text/plain' }), media('a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'a=1'), media('XML', { 'content-type': 'application/xml' }, '<a/>'),
    media('parts', { 'content-type': 'multipart/form-data; boundary=x' }, '--x--'), media('a type that is none', { 'content-type': ';;' }), media('no type', { 'content-type': '' }),
    media('a body that came compressed', { ...JSON_TYPE, 'content-encoding': 'gzip' }),
    make({ what: '300 KB', body: JSON.stringify({ a: 'x'.repeat(300_000) }), headers: JSON_TYPE, status: 413 }),
    make({ what: '10 MB', body: Buffer.alloc(BIG_BYTES, 0x20), headers: JSON_TYPE, status: 413 }),
    make({ what: '1 MB in chunks', body: Buffer.alloc(BIG_BYTES / 10, 0x20), headers: { ...JSON_TYPE, 'transfer-encoding': 'chunked' }, status: 413 }),
  ];
}

function badHeaders({ method }: Operation, make: Make): BadRequest[] {
  if (method === 'GET') return [];
  const bad = (name: string, value: string) => make({ what: `${name}: ${value.slice(0, 20)}`, headers: { [name]: value }, status: 400, field: { in: 'header', pointer: `/${name}` } });
  return [
    ...['"1", "2"', '"1', 'W/', '1 2', '""x', ''].map((value) => bad('if-match', value)),
    ...['', 'a b', 'é', 'x'.repeat(256)].map((value) => bad('idempotency-key', value)),
  ];
}

/** Whoever may not come in is told nothing of what they asked. */
function badCallers({ isPublic }: Operation, make: Make, canary: string): BadRequest[] {
  const nobody = isPublic ? [] : [`Bearer ${canary}`, `Bearer oma_${canary}_1_x`, `Basic ${canary}`, 'Bearer', `Bearer ${'x'.repeat(600)}`, '']
    .map((authorization) => make({ what: `as ${authorization.slice(0, 12)}`, headers: { authorization }, status: 401 }));
  return [
    ...nobody,
    make({ what: 'at a foreign Host', headers: { host: 'evil.example' }, status: 403 }),
    ...['null', 'https://evil.example'].map((origin) => make({ what: `from ${origin}`, headers: { origin }, status: 403 })),
  ];
}

/** Methods that no route takes at this path. */
function badMethods({ path, method }: Operation, operations: readonly Operation[], make: Make): BadRequest[] {
  const here = operations.filter((one) => new RegExp(`^${one.path.replace(/\{\w+\}/g, '[^/]+')}$`).test(path.replace(/[{}]/g, ''))).map((one) => one.method);
  // Once a path.
  if (operations.find((one) => one.path === path)?.method !== method) return [];
  return METHODS.filter((other) => !here.includes(other)).map((other) => make({ what: `as ${other}`, method: other, status: 405, body: undefined }));
}
