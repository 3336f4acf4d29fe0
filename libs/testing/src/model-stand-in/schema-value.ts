type Schema = { type?: unknown; enum?: unknown[]; const?: unknown; properties?: Record<string, Schema>; required?: string[]; items?: Schema; anyOf?: Schema[]; oneOf?: Schema[] };

/** Nesting that is filled; deeper values are null. A schema that refers to itself ends here. */
const DEPTH_MAX = 8;

/** The smallest value a JSON schema (or the Gemini API's upper-case dialect of it) takes; `given` wins where it names a property. */
export function valueOfSchema(schema: Schema | undefined, given: Record<string, unknown> = {}, depth = 0): unknown {
  if (!schema || depth > DEPTH_MAX) return null;
  if (schema.const !== undefined) return schema.const;
  if (schema.enum?.length) return schema.enum[0];
  const choice = schema.anyOf?.[0] ?? schema.oneOf?.[0];
  if (choice) return valueOfSchema(choice, given, depth + 1);
  switch (String(Array.isArray(schema.type) ? schema.type[0] : schema.type).toLowerCase()) {
    case 'object': {
      const names = [...new Set([...(schema.required ?? []), ...Object.keys(given).filter((name) => schema.properties?.[name])])];
      return Object.fromEntries(names.map((name) => [name, name in given ? given[name] : valueOfSchema(schema.properties?.[name], {}, depth + 1)]));
    }
    case 'array': return [];
    case 'string': return 'stand-in';
    case 'integer': case 'number': return 0;
    case 'boolean': return false;
    default: return null;
  }
}
