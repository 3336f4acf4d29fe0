import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { EVENT_CATALOGUE, type EventEnvelope, type EventType } from '@orbitmesh/domain';
import type { AnswerName, JsonSchema } from '@orbitmesh/contracts';
import { closed, eventCatalogueSchema, eventSchemaName, SCHEMAS } from '@orbitmesh/contracts/schemas';

/** Problems told of one value: the first say enough. */
const PROBLEMS_MAX = 5;

/** Compiled once: by the key of a document, and in it by name. Closed: what a type does not name is a lie about that type. */
const documents = new Map<string, Ajv2020>();
const compiled = new Map<string, ValidateFunction>();

/** A compiler that knows a document's `$defs`. */
function compilerOf(key: string, document: () => JsonSchema): Ajv2020 {
  const known = documents.get(key);
  if (known) return known;
  const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true, validateFormats: false, inlineRefs: false, validateSchema: false, code: { optimize: false } });
  ajv.addSchema(closed(document()), key);
  documents.set(key, ajv);
  return ajv;
}

function validatorOf(key: string, document: () => JsonSchema, name: string): ValidateFunction {
  const id = `${key}#/$defs/${name}`;
  const found = compiled.get(id) ?? compilerOf(key, document).getSchema(id);
  if (!found) throw new TypeError(`there is no schema called ${name}`);
  compiled.set(id, found);
  return found;
}

/** What is wrong with a value, by its place; null when it is as the schema of that name says. */
export function schemaProblem(name: string, value: unknown): string | null {
  return documentProblem('contracts', () => ({ $defs: SCHEMAS.$defs }), name, value);
}

/** The same, by a definition of another document. */
export function documentProblem(key: string, document: () => JsonSchema, name: string, value: unknown): string | null {
  return problemOf(validatorOf(key, document, name), value);
}

/** What is wrong with a committed event, by the catalogue of events (docs/events.md). */
export function eventProblem(event: EventEnvelope): string | null {
  if (!Object.hasOwn(EVENT_CATALOGUE, event.type)) return `there is no event of type ${event.type}`;
  return documentProblem('events', () => eventCatalogueSchema(SCHEMAS), eventSchemaName(event.type as EventType), event);
}

/** @throws saying what is wrong, and with what */
export function assertEvent(event: EventEnvelope): void {
  const problem = eventProblem(event);
  if (problem !== null) throw new Error(`${event.type} is not as docs/events.md says: ${problem}\n${JSON.stringify(event, null, 2)}`);
}

/** @throws saying what is wrong, and with what */
export function assertAnswer(name: AnswerName, body: unknown): void {
  const problem = schemaProblem(name, body);
  if (problem !== null) throw new Error(`The answer is no ${name}: ${problem}\n${JSON.stringify(body, null, 2)}`);
}

function problemOf(validate: ValidateFunction, value: unknown): string | null {
  if (validate(value)) return null;
  const problems = (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath || '/'} ${message ?? ''} ${JSON.stringify(params)}`);
  return problems.slice(0, PROBLEMS_MAX).join('; ');
}
