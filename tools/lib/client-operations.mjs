const ANSWERS = 'AnswerTypes';
const LINE_CHARS_MAX = 160;

/**
 * The table that the typed client is made of: `libs/api-client/src/generated/operations.ts`.
 * @param {object} openapi the document; what answers no JSON (text, streams) is not of this client
 * @returns {string} TypeScript
 */
export function renderOperations(openapi) {
  const operations = Object.entries(openapi.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation }))).filter(answersJson);
  const bodies = operations.flatMap((operation) => bodyName(operation) ?? []);
  return [
    '// Generated from docs/openapi.json by node tools/gen.mjs; do not edit.',
    'import type {',
    ...wrapped([ANSWERS, ...new Set(bodies)].sort()),
    '} from \'@orbitmesh/contracts\';',
    '',
    '/** What each operation takes and answers. */',
    'export interface OperationTypes {',
    ...operations.flatMap((operation) => [`  /** ${operation.summary} */`, `  '${operation.operationId}': { ${members(operation, openapi).join('; ')} };`]),
    '}',
    'export type OperationId = keyof OperationTypes;',
    '',
    '/** Where each operation is. */',
    'export const OPERATIONS: { readonly [Id in OperationId]: { readonly method: \'GET\' | \'POST\' | \'PUT\' | \'PATCH\' | \'DELETE\'; readonly path: string } } = {',
    ...operations.map(({ operationId, method, path }) => `  '${operationId}': { method: '${method}', path: '${path}' },`),
    '};',
    '',
  ].join('\n');
}

/** Names of an import, as many on a line as fit. */
function wrapped(names) {
  const lines = [];
  for (const name of names) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + name.length + 2 <= LINE_CHARS_MAX) lines[lines.length - 1] += ` ${name},`;
    else lines.push(`  ${name},`);
  }
  return lines;
}

function answersJson({ responses }) {
  const [content] = successes(responses).flatMap((response) => response.content ?? []);
  return content === undefined || 'application/json' in content;
}

function successes(responses) {
  return Object.entries(responses).filter(([status]) => status.startsWith('2')).map(([, response]) => response);
}

function members(operation, openapi) {
  const parameters = (operation.parameters ?? []).filter((parameter) => !('$ref' in parameter));
  const fields = (place) => parameters.filter((parameter) => parameter.in === place)
    .map(({ name, required, schema }) => `${name}${required ? '' : '?'}: ${typeOf(schema)}`);
  const [path, query] = [fields('path'), fields('query')];
  const isNeeded = parameters.some((parameter) => parameter.in === 'query' && parameter.required);
  const body = bodyName(operation);
  return [
    ...(path.length > 0 ? [`params: { ${path.join('; ')} }`] : []),
    ...(query.length > 0 ? [`query${isNeeded ? '' : '?'}: { ${query.join('; ')} }`] : []),
    ...(body ? [`body${operation.requestBody.required ? '' : '?'}: ${body}`] : []),
    `answer: ${answerType(operation, openapi)}`,
  ];
}

function bodyName({ requestBody }) {
  return requestBody && nameOf(requestBody.content['application/json'].schema);
}

function answerType({ responses }) {
  const schema = successes(responses).flatMap(({ content }) => content?.['application/json']?.schema ?? [])[0];
  if (!schema) return 'null';
  if (!schema.$ref && !schema.anyOf) return 'Record<string, unknown>';
  return (schema.anyOf ?? [schema]).map((one) => `${ANSWERS}['${nameOf(one)}']`).join(' | ');
}

function nameOf({ $ref }) {
  return $ref.slice($ref.lastIndexOf('/') + 1);
}

/** Of a parameter: what a path or a query string can hold. */
function typeOf({ type, enum: values, items }) {
  if (values) return values.map((value) => `'${value}'`).join(' | ');
  if (type === 'array') return items.enum ? `(${typeOf(items)})[]` : `${typeOf(items)}[]`;
  return type === 'integer' ? 'number' : type;
}
