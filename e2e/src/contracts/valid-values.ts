import fc, { type Arbitrary } from 'fast-check';
import type { JsonSchema } from '@orbitmesh/contracts';

/** What a field of this name is, where its schema alone does not say what is there: an id, a directory. Undefined: the schema is enough. */
export type ValuesByName = (name: string) => readonly unknown[] | undefined;

/** Long enough to be a text, short enough for a page of them; the bounds themselves are what the bad-input tests are about. */
const TEXT_CHARS_MAX = 40;
const ITEMS_MAX = 3;
const NUMBER_MAX = 1_000;

/** Values that a request schema takes. `required` alone is given too: what is optional is there in some, and left out in others. */
export function valuesOf(schema: JsonSchema, schemas: Record<string, JsonSchema>, known: ValuesByName): Arbitrary<unknown> {
  const reference = schema['$ref'];
  if (typeof reference === 'string') return valuesOf(schemas[reference.slice(reference.lastIndexOf('/') + 1)], schemas, known);
  const options = schema['anyOf'] as JsonSchema[] | undefined;
  if (options) return fc.oneof(...options.map((one) => valuesOf(one, schemas, known)));
  if (Array.isArray(schema['enum'])) return fc.constantFrom(...schema['enum'] as unknown[]);
  switch (schema['type']) {
    case 'object': return objects(schema, schemas, known);
    case 'array': return lists(schema, schemas, known);
    case 'string': return texts(schema);
    case 'integer': return fc.integer({ min: Number(schema['minimum']), max: Math.min(Number(schema['maximum']), NUMBER_MAX) });
    case 'boolean': return fc.boolean();
    case 'null': return fc.constant(null);
    default: throw new TypeError(`no values for ${JSON.stringify(schema)}`);
  }
}

function objects(schema: JsonSchema, schemas: Record<string, JsonSchema>, known: ValuesByName): Arbitrary<unknown> {
  const fields = Object.entries((schema['properties'] ?? {}) as Record<string, JsonSchema>).flatMap(([name, field]): [string, Arbitrary<unknown>][] => {
    const values = known(name);
    if (values?.length === 0) return [];
    return [[name, values ? fc.constantFrom(...values) : valuesOf(field, schemas, known)]];
  });
  const requiredKeys = ((schema['required'] ?? []) as string[]);
  return fc.record(Object.fromEntries(fields), { requiredKeys });
}

function lists(schema: JsonSchema, schemas: Record<string, JsonSchema>, known: ValuesByName): Arbitrary<unknown> {
  const maxLength = Math.min(Number(schema['maxItems'] ?? ITEMS_MAX), ITEMS_MAX);
  const minLength = Number(schema['minItems'] ?? 0);
  const items = valuesOf(schema['items'] as JsonSchema, schemas, known);
  return schema['uniqueItems'] === true ? fc.uniqueArray(items, { minLength, maxLength }) : fc.array(items, { minLength, maxLength });
}

function texts(schema: JsonSchema): Arbitrary<string> {
  if (typeof schema['pattern'] === 'string') return fc.stringMatching(new RegExp(schema['pattern'])).filter((text) => text.length <= Number(schema['maxLength'] ?? TEXT_CHARS_MAX));
  const [min, max] = [Number(schema['minLength'] ?? 0), Math.min(Number(schema['maxLength'] ?? TEXT_CHARS_MAX), TEXT_CHARS_MAX)];
  // What people read is not blank: one letter at least.
  return fc.string({ unit: 'grapheme', minLength: Math.max(0, min - 1), maxLength: max - 1 }).map((text) => (min === 0 ? text : `a${text}`)).filter((text) => text.length <= max);
}
