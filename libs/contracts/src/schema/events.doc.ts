import { EVENT_CATALOGUE, EVENT_TYPES, type EventDescription, type EventType } from '@orbitmesh/domain';
import type { JsonSchema } from '../http/field.js';
import { definition, propertiesOf, reachable } from './schema-tools.js';
import type { SchemaSet } from './schemas.js';
import { typeText } from './type-text.js';

/** By the beginnings of their names; what has none is a session's own. */
const FAMILIES: readonly [prefix: string, title: string][] = [
  ['', 'What a session does'], ['session:', 'Sessions'], ['project:', 'Projects'], ['task:', 'Tasks'], ['team_member:', 'Team members'],
  ['ordering:', 'Ordering'], ['mail:', 'Mail'], ['notify:', 'Notifications'],
];

/** `docs/events.md`: every event, rendered from the catalogue and the types. */
export function renderEvents(set: SchemaSet): string {
  const envelope = propertiesOf(definition(set, 'EventEnvelope'));
  const data = propertiesOf(definition(set, 'EventMap'));
  const shapes = reachable(Object.values(data), set);
  return [
    '# Events',
    '',
    'Generated from `libs/domain` (`EventMap`, `EVENT_CATALOGUE`) by `node tools/gen.mjs`; do not edit. As JSON Schema: [events.schema.json](events.schema.json).',
    'The same events come from `GET /api/events`, `/api/events/stream` and `/ws`, each exactly once, in the order of `seq`. A reader must bear fields and types that it does not know.',
    '',
    '## The envelope',
    '',
    ...table(['field', 'type', ''], Object.entries(envelope).map(([name, schema]) => [`\`${name}\``, code(typeText(schema)), String(schema['description'] ?? '')])),
    '',
    'An id is there exactly where the tables below name it; `id?` where there is one. `X:updated` comes at most once an entity a commit, after the specific events.',
    ...FAMILIES.flatMap(([prefix, title]) => ['', `## ${title}`, '', ...table(['type', 'when', 'ids', 'data'], typesOf(prefix).map((type) => row(type, data[type])))]),
    '',
    '## Over /ws',
    '',
    'The client subscribes with `{ type: \'subscribe\', filter?: { sessionIds?, projectId?, taskIds?, types? }, after?: cursor }`. Each frame of the server is one of:',
    '',
    ...(definition(set, 'ServerFrame')['anyOf'] as JsonSchema[]).map((frame) => `- ${code(typeText(frame))}`),
    '',
    '## Shapes',
    ...Object.entries(shapes).flatMap(([name, schema]) => ['', ...shape(name, schema)]),
    '',
  ].join('\n');
}

function typesOf(prefix: string): EventType[] {
  return EVENT_TYPES.filter((type) => (prefix === '' ? !type.includes(':') : type.startsWith(prefix)));
}

function row(type: EventType, data: JsonSchema): string[] {
  const { when, ids, maybe = [] }: EventDescription = EVENT_CATALOGUE[type];
  const name = typeText(data);
  return [`\`${type}\``, when, [...ids, ...maybe.map((id) => `${id}?`)].join(', '), `[${name}](#${name.toLowerCase()})`];
}

function shape(name: string, schema: JsonSchema): string[] {
  const fields = Object.entries(propertiesOf(schema));
  const required = (schema['required'] ?? []) as string[];
  const description = typeof schema['description'] === 'string' ? [schema['description'], ''] : [];
  if (fields.length === 0) return [`### ${name}`, '', ...description, code(typeText(schema))];
  const rows = fields.map(([field, of]) => [`\`${field}\`${required.includes(field) ? '' : ' (optional)'}`, code(typeText(of)), String(of['description'] ?? '')]);
  return [`### ${name}`, '', ...description, ...table(['field', 'type', ''], rows)];
}

const code = (text: string): string => `\`${text}\``;

function table(head: string[], rows: string[][]): string[] {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`);
}
