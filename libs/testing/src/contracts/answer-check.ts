import { answerName, openApiDefinitions, openApiOperations, type OpenApiOperation } from './openapi-document.js';
import { documentProblem, schemaProblem } from './schema-check.js';

export interface HttpAnswer {
  method: string;
  /** As it was sent, the query included. */
  path: string;
  status: number;
  headers: Headers;
  /** Parsed; null for none. */
  body: unknown;
}

/** What is wrong with an answer, by docs/openapi.json; null when it is as its operation says. */
export function answerProblem(answer: HttpAnswer): string | null {
  const operation = operationAt(answer.method, answer.path);
  const problem = operation ? operationProblem(operation, answer) : strangerProblem(answer);
  return problem === null ? null : `${answer.method} ${answer.path}: ${answer.status} ${problem}`;
}

/** The operation that answers there; a fixed path goes before one with a parameter in its place. */
export function operationAt(method: string, path: string): OpenApiOperation | undefined {
  const parts = path.split('?', 1)[0].split('/');
  const fits = ({ path: pattern }: OpenApiOperation): boolean => {
    const wanted = pattern.split('/');
    return wanted.length === parts.length && wanted.every((part, n) => (part.startsWith('{') ? parts[n] !== '' : part === parts[n]));
  };
  const found = openApiOperations().filter((one) => one.method === method && fits(one));
  return found.sort((a, b) => a.path.split('{').length - b.path.split('{').length)[0];
}

function operationProblem(operation: OpenApiOperation, { status, headers, body }: HttpAnswer): string | null {
  const described = operation.responses[status] ?? (status >= 400 ? operation.responses['default'] : undefined);
  if (!described) return `is no answer of ${operation.id}`;
  const missing = status < 300 ? missingHeaders(operation, status, headers, body) : [];
  if (missing.length > 0) return `lacks ${missing.join(', ')}`;
  const [mediaType] = Object.keys(described.content ?? {});
  if (mediaType === undefined) return body === null ? null : 'has a body';
  const given = headers.get('content-type') ?? 'nothing';
  if (given.split(';')[0] !== mediaType) return `is ${given}, not ${mediaType}`;
  if (!mediaType.endsWith('json')) return null;
  return documentProblem('openapi', openApiDefinitions, answerName(operation.id, String(status in operation.responses ? status : 'default')), body);
}

/** Where the description says that a header is sometimes there, it is not missed. */
const SOMETIMES = ['Idempotent-Replayed'];

function missingHeaders({ responses }: OpenApiOperation, status: number, headers: Headers, body: unknown): string[] {
  const isOne = typeof body === 'object' && body !== null && 'id' in body;
  return Object.keys(responses[status].headers ?? {}).filter((name) => {
    // What is sent to an audience is not one thing that has a place and a revision.
    if (!isOne && (name === 'Location' || name === 'ETag')) return false;
    return !SOMETIMES.includes(name) && headers.get(name) === null;
  });
}

/** No operation answers there: then somebody must have said so, as everywhere. */
function strangerProblem({ status, body, method }: HttpAnswer): string | null {
  if (status < 400) return method === 'HEAD' || method === 'OPTIONS' ? null : 'comes from no operation';
  return body === null ? null : schemaProblem('Problem', body);
}
