import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import type { Schema } from './operation.js';

/** One thing that is wrong with a value, and where in it. */
export interface Fault { what: string; pointer: string; value: unknown }

/** A longer text than this has the whole body refused before anybody looks at it. */
const TEXT_CHARS_MAX = 150_000;
const ITEMS_MAX = 8_000;
/** Texts of which at least one is what any pattern of ours means. */
const TEXTS = ['id_1', '/srv/x', 'demo', '1', 'https://example.com/hook', 'in_1-1.1', 'env:HOME', '2026-01-01', 'notify:*', 'output', 'text'];

const ajv = new Ajv2020({ strict: false, validateFormats: false });
const compiled = new WeakMap<Schema, ValidateFunction>();

export function accepts(schema: Schema, value: unknown): boolean {
  let validate = compiled.get(schema);
  if (!validate) compiled.set(schema, validate = ajv.compile(schema));
  return validate(value) as boolean;
}

/** The smallest value that a schema describes. */
export function sampleOf(schema: Schema): unknown {
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return sampleOf(options[0]);
  if (schema.enum) return schema.enum[0];
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object') return Object.fromEntries((schema.required ?? []).map((name) => [name, sampleOf(schema.properties?.[name] ?? {})]));
  if (type === 'array') return accepts(schema, []) ? [] : [sampleOf(schema.items ?? {})];
  if (type === 'integer' || type === 'number') return schema.minimum ?? 1;
  if (type === 'boolean') return true;
  return TEXTS.find((text) => accepts(schema, text)) ?? 'text';
}

/**
 * Values a schema does not allow, in it and in every part of it: the schema itself says which those are.
 * @param text stands where any text would do
 */
export function faultsOf(schema: Schema, text: string): Fault[] {
  const own = candidates(schema, text).filter(({ value }) => !accepts(schema, value)).map((fault) => ({ ...fault, pointer: '' }));
  const options = schema.anyOf ?? schema.oneOf ?? [schema];
  return [...own, ...options.flatMap((option) => [...unwritable(option), ...withinObject(option, text), ...withinArray(option, text)])];
}

function candidates({ maxLength = 0, maxItems = 0, anyOf, oneOf }: Schema, text: string): { what: string; value: unknown }[] {
  const [option] = anyOf ?? oneOf ?? [{}];
  const chars = Math.max(maxLength, option.maxLength ?? 0);
  const items = Math.max(maxItems, option.maxItems ?? 0);
  const plain: unknown[] = [null, true, 7, -1, 1.5, 1e300, '', ' ', `${text} is none of them`, '../../etc/passwd', '*', [], [7], [null], [[]], ['a', 'a'], {}, { a: 7 }, { 'a b': 'c' }];
  return [
    ...plain.map((value) => ({ what: JSON.stringify(value), value })),
    ...(chars > 0 && chars < TEXT_CHARS_MAX ? [{ what: `${chars + 1} characters`, value: 'x'.repeat(chars + 1) }] : []),
    ...(items > 0 && items < ITEMS_MAX ? [{ what: `${items + 1} items`, value: Array.from({ length: items + 1 }, (_, n) => `i${n}`) }] : []),
  ];
}

/** What no text of ours may be, whatever a schema says. */
function unwritable(schema: Schema): Fault[] {
  const type = Array.isArray(schema.type) ? schema.type[0] : schema.type;
  if (type === 'object' && !schema.properties) return UNWRITABLE.map(([what, text]) => ({ what: `${what} within`, pointer: '/a', value: { a: text } }));
  return type === 'string' ? UNWRITABLE.map(([what, text]) => ({ what, pointer: '', value: text })) : [];
}
const UNWRITABLE = [['NUL', 'a\0b'], ['a lone surrogate', 'a\uD800b'], ['a surrogate the wrong way round', '\uDC00\uD800']] as const;

function withinObject(schema: Schema, text: string): Fault[] {
  const { properties, required = [] } = schema;
  if (!properties) return [];
  const sample = sampleOf(schema) as Record<string, unknown>;
  return [
    ...required.map((name) => ({ what: `no ${name}`, pointer: `/${name}`, value: Object.fromEntries(Object.entries(sample).filter(([key]) => key !== name)) })),
    ...['colour', 'constructor', 'hasOwnProperty'].map((name) => ({ what: `an unknown ${name}`, pointer: `/${name}`, value: { ...sample, [name]: {} } })),
    ...Object.entries(properties).flatMap(([name, property]) => faultsOf(property, text).map(({ what, pointer, value }) => (
      { what: pointer.startsWith('/') || what.startsWith(name) ? what : `${name}: ${what}`, pointer: `/${name}${pointer}`, value: { ...sample, [name]: value } }
    ))),
  ];
}

function withinArray({ type, items }: Schema, text: string): Fault[] {
  if (type !== 'array' || !items) return [];
  return faultsOf(items, text).map(({ what, pointer, value }) => ({ what, pointer: `/0${pointer}`, value: [value] }));
}
