import { fieldsOf, type DtoClass, type Field, type JsonSchema } from '@orbitmesh/contracts';

/** Adds the schema of a request's class, and those within it, under their names: out of the same decorators that validate. */
export function dtoReference(dto: DtoClass, schemas: Record<string, JsonSchema>): JsonSchema {
  if (!(dto.name in schemas)) {
    const fields = [...(fieldsOf(dto) ?? [])];
    const required = fields.filter(([, field]) => field.required).map(([name]) => name);
    // The name is taken before, for classes within themselves.
    schemas[dto.name] = {};
    schemas[dto.name] = {
      type: 'object',
      properties: Object.fromEntries(fields.map(([name, field]) => [name, fieldSchema(field, schemas)])),
      ...(required.length > 0 && { required }),
      additionalProperties: false,
    };
  }
  return { $ref: `#/components/schemas/${dto.name}` };
}

export function fieldSchema({ schema, element }: Field, schemas: Record<string, JsonSchema>): JsonSchema {
  const { nullable, ...own } = schema;
  if (element) return own['type'] === 'array' ? { ...own, items: dtoReference(element(), schemas) } : dtoReference(element(), schemas);
  return nullable ? { anyOf: [own, { type: 'null' }] } : own;
}
