import { EVENT_CATALOGUE, type EventEnvelope, type EventType } from '@orbitmesh/domain';
import type { AnswerName, JsonSchema } from '@orbitmesh/contracts';
import { closed, eventCatalogueSchema, eventSchemaName, SCHEMAS } from '@orbitmesh/contracts/schemas';
import type { Validators } from './validators.js';

/** Problems told of one value: the first say enough. */
const PROBLEMS_MAX = 5;

/** Those of a whole Jest worker (tools/lib/spec-environment.mjs): to compile them for each spec anew takes a second of a core. */
const validators = (globalThis as { orbitmeshValidators?: Validators }).orbitmeshValidators ?? new (await import('./validators.js')).Validators();

/** What is wrong with a value, by its place; null when it is as the schema of that name says. */
export function schemaProblem(name: string, value: unknown): string | null {
  return documentProblem('contracts', () => ({ $defs: SCHEMAS.$defs }), name, value);
}

/** The same, by a definition of another document. */
export function documentProblem(key: string, document: () => JsonSchema, name: string, value: unknown): string | null {
  // Closed: what a type does not name is a lie about that type.
  const validate = validators.of(key, () => JSON.stringify(closed(document())), name);
  if (validate(value)) return null;
  const problems = (validate.errors ?? []).map(({ instancePath, message, params }) => `${instancePath || '/'} ${message ?? ''} ${JSON.stringify(params)}`);
  return problems.slice(0, PROBLEMS_MAX).join('; ');
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
