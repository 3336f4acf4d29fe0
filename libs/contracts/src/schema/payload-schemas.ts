import type { JsonSchema } from '../http/field.js';
import { definition, propertiesOf, reachable, referenceOf } from './schema-tools.js';
import type { SchemaSet } from './schemas.js';

/** What crosses NATS under one contract: `SessionRpc.spawn` has a request and a response, `Topics.committed` a message. */
export interface PayloadSchemas { contract: string; payloads: Partial<Record<PayloadRole, JsonSchema>> }
export type PayloadRole = 'request' | 'response' | 'message';

/** Every contract there is, in the order of its source. */
export function payloadSchemas(set: SchemaSet): PayloadSchemas[] {
  const inside = (schema: JsonSchema): Record<string, JsonSchema> => {
    const name = referenceOf(schema);
    return propertiesOf(name === null ? schema : definition(set, name));
  };
  const rpcs = Object.entries(propertiesOf(definition(set, 'RpcPayloads'))).flatMap(([group, contracts]) =>
    Object.entries(inside(contracts)).map(([name, payloads]) => ({ contract: `${group}.${name}`, payloads: inside(payloads) })));
  const topics = Object.entries(propertiesOf(definition(set, 'TopicPayloads'))).flatMap(([group, contracts]) =>
    Object.entries(inside(contracts)).map(([name, message]) => ({ contract: `${group}.${name}`, payloads: { message } })));
  return [...rpcs, ...topics];
}

/** The name of a payload's schema in `docs/subjects.schema.json`. */
export function payloadSchemaName(contract: string, role: PayloadRole): string {
  return `${contract}.${role}`;
}

/** All of them in one document, by name, with what they refer to. */
export function payloadDefinitions(set: SchemaSet): Record<string, JsonSchema> {
  const payloads = Object.fromEntries(payloadSchemas(set).flatMap(({ contract, payloads: roles }) =>
    Object.entries(roles).map(([role, schema]) => [payloadSchemaName(contract, role as PayloadRole), schema])));
  return { ...payloads, ...reachable(Object.values(payloads), set) };
}
