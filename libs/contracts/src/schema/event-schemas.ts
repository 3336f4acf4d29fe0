import { EVENT_CATALOGUE, EVENT_TYPES, type EnvelopeId, type EventDescription, type EventType } from '@orbitmesh/domain';
import type { JsonSchema } from '../http/field.js';
import { definition, propertiesOf, reachable } from './schema-tools.js';
import type { SchemaSet } from './schemas.js';

const IDS: readonly EnvelopeId[] = ['projectId', 'sessionId', 'taskId'];

/** `notify:task_session_failed` → `NotifyTaskSessionFailedEvent`. */
export function eventSchemaName(type: EventType): string {
  return `${type.split(/[:_]/).map((word) => word[0].toUpperCase() + word.slice(1)).join('')}Event`;
}

/** A committed event of this type: its envelope with the ids it has, and its data. */
export function eventSchema(type: EventType, set: SchemaSet): JsonSchema {
  const { when, ids, maybe = [] }: EventDescription = EVENT_CATALOGUE[type];
  const envelope = definition(set, 'EventEnvelope');
  const { sessionSeq, ...properties } = propertiesOf(envelope);
  const hasSession = ids.includes('sessionId') || maybe.includes('sessionId');
  const absent = IDS.filter((id) => !ids.includes(id) && !maybe.includes(id));
  return {
    description: when,
    type: 'object',
    properties: {
      ...properties,
      type: { const: type },
      ...Object.fromEntries(absent.map((id) => [id, false])),
      sessionSeq: hasSession ? sessionSeq : false,
      data: propertiesOf(definition(set, 'EventMap'))[type],
    },
    required: [...(envelope['required'] as string[]), ...ids, ...(ids.includes('sessionId') ? ['sessionSeq'] : [])],
    ...(maybe.includes('sessionId') && { dependentRequired: { sessionId: ['sessionSeq'] } }),
  };
}

/** `docs/events.schema.json`: one schema that takes every committed event, and no other. */
export function eventCatalogueSchema(set: SchemaSet): JsonSchema {
  const events = Object.fromEntries(EVENT_TYPES.map((type) => [eventSchemaName(type), eventSchema(type, set)]));
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $comment: 'Generated from libs/domain and libs/contracts by node tools/gen.mjs; do not edit.',
    title: 'A committed event of OrbitMesh',
    description: 'Objects are open: a reader must bear a field, and in the feed an event type, that it does not know.',
    type: 'object',
    properties: { type: { enum: EVENT_TYPES } },
    required: ['type'],
    oneOf: Object.keys(events).map((name) => ({ $ref: `#/$defs/${name}` })),
    $defs: { ...events, ...reachable(Object.values(events), set) },
  };
}
