import type { JsonSchema } from '../http/field.js';
import { propertiesOf, referenceOf } from './schema-tools.js';

/** A schema in one line, in the words of TypeScript, for people. */
export function typeText(schema: JsonSchema): string {
  const name = referenceOf(schema);
  if (name !== null) return name;
  if (typeof schema['title'] === 'string') return schema['title'];
  if ('const' in schema) return literal(schema['const']);
  if (Array.isArray(schema['enum'])) return schema['enum'].map(literal).join(' | ');
  if (Array.isArray(schema['anyOf'])) return (schema['anyOf'] as JsonSchema[]).map(typeText).join(' | ');
  if (Array.isArray(schema['type'])) return schema['type'].join(' | ');
  if (schema['type'] === 'array') return `${bracketed(typeText(schema['items'] as JsonSchema))}[]`;
  return schema['type'] === 'object' ? objectText(schema) : String(schema['type'] ?? 'unknown');
}

/** The same, but of an object the names of its fields alone. */
export function briefText(schema: JsonSchema): string {
  const isObject = referenceOf(schema) === null && schema['title'] === undefined && Object.keys(propertiesOf(schema)).length > 0;
  if (!isObject) return typeText(schema);
  const required = (schema['required'] ?? []) as string[];
  return `{ ${Object.keys(propertiesOf(schema)).map((name) => `${name}${required.includes(name) ? '' : '?'}`).join(', ')} }`;
}

function objectText(schema: JsonSchema): string {
  const required = (schema['required'] ?? []) as string[];
  const fields = Object.entries(propertiesOf(schema)).map(([name, field]) => `${name}${required.includes(name) ? '' : '?'}: ${typeText(field)}`);
  const rest = schema['additionalProperties'];
  if (typeof rest === 'object') fields.push(`[name]: ${typeText(rest as JsonSchema)}`);
  if (rest === true) fields.push('[name]: unknown');
  return fields.length === 0 ? '{}' : `{ ${fields.join('; ')} }`;
}

const literal = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value));
const bracketed = (text: string): string => (text.includes(' | ') ? `(${text})` : text);
