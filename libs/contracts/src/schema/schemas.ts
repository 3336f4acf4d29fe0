import type { JsonSchema } from '../http/field.js';
import generated from '../generated/schemas.json' with { type: 'json' };

/** JSON Schema 2020-12 of `Published`: `$defs` has every named type of the contracts. */
export interface SchemaSet { $defs: Record<string, JsonSchema> }

/** As they were when this was built; generated from the types, never written by hand. */
export const SCHEMAS: SchemaSet = generated;
