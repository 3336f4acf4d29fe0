import type { JsonSchema } from '../http/field.js';
import type { SchemaSet } from './schemas.js';

const REFERENCE = '#/$defs/';

/** The name a schema refers to; null when it is no reference. */
export function referenceOf(schema: JsonSchema): string | null {
  const reference = schema['$ref'];
  return typeof reference === 'string' && reference.startsWith(REFERENCE) ? reference.slice(REFERENCE.length) : null;
}

/** The definition of a name. @throws for one that has none */
export function definition(set: SchemaSet, name: string): JsonSchema {
  const found = Object.hasOwn(set.$defs, name) ? set.$defs[name] : undefined;
  if (!found) throw new TypeError(`there is no schema called ${name}`);
  return found;
}

/** The schemas of a definition's own properties, e.g. those of all events under `EventMap`. */
export function propertiesOf(schema: JsonSchema): Record<string, JsonSchema> {
  return (schema['properties'] ?? {}) as Record<string, JsonSchema>;
}

/** All that these schemas refer to, and what that refers to, by name. */
export function reachable(schemas: Iterable<JsonSchema>, set: SchemaSet): Record<string, JsonSchema> {
  const names = new Set<string>();
  const open: unknown[] = [...schemas];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== 'object' || next === null) continue;
    const name = referenceOf(next as JsonSchema);
    if (name !== null && !names.has(name)) {
      names.add(name);
      open.push(definition(set, name));
    }
    open.push(...Object.values(next));
  }
  return Object.fromEntries([...names].sort().map((name) => [name, definition(set, name)]));
}

/** Every schema in a schema, itself included, made anew by `change`, the inner ones first. */
export function mapSchemas(schema: JsonSchema, change: (schema: JsonSchema) => JsonSchema): JsonSchema {
  const inner = (value: unknown): unknown => (typeof value === 'object' && value !== null && !Array.isArray(value) ? mapSchemas(value as JsonSchema, change) : value);
  const each = (value: unknown): unknown => (typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, inner(one)])) : value);
  const copy: JsonSchema = {};
  for (const [keyword, value] of Object.entries(schema)) {
    if (BY_NAME.has(keyword)) copy[keyword] = each(value);
    else if (Array.isArray(value) && LISTS.has(keyword)) copy[keyword] = value.map(inner);
    else copy[keyword] = SINGLE.has(keyword) ? inner(value) : value;
  }
  return change(copy);
}

/** Where JSON Schema keeps schemas within schemas. */
const BY_NAME: ReadonlySet<string> = new Set(['properties', '$defs']);
const LISTS: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'prefixItems']);
const SINGLE: ReadonlySet<string> = new Set(['items', 'additionalProperties', 'not']);

/** With the references of another document: OpenAPI keeps its schemas under `components`. */
export function referringTo(schema: JsonSchema, prefix: string): JsonSchema {
  return mapSchemas(schema, (one) => {
    const name = referenceOf(one);
    return name === null ? one : { ...one, $ref: prefix + name };
  });
}

/** As strict as our own tests are: no object has a field that its type does not name. A client must not be so strict. */
export function closed(schema: JsonSchema): JsonSchema {
  const isOpen = (one: JsonSchema): boolean => 'properties' in one && !('additionalProperties' in one) && !('$ref' in one);
  return mapSchemas(schema, (one) => (isOpen(one) ? { ...one, additionalProperties: false } : one));
}
