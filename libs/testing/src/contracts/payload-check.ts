import { AnyRunnerRpc, NotifierRpc, RunnerRpc, SessionRpc, Topics, type JsonSchema } from '@orbitmesh/contracts';
import { payloadDefinitions, payloadSchemaName, SCHEMAS, type PayloadRole } from '@orbitmesh/contracts/schemas';
import { documentProblem } from './schema-check.js';

type Named = { readonly name: string; readonly owner?: string; readonly kind?: string };

const GROUPS: Record<string, Record<string, Named>> = { SessionRpc, RunnerRpc, AnyRunnerRpc, NotifierRpc, Topics };
const address = ({ owner, kind, name }: Named): string => `${owner ?? kind}:${name}`;
const contracts = new Map(Object.entries(GROUPS).flatMap(([group, members]) => Object.entries(members).map(([key, one]) => [address(one), `${group}.${key}`])));

/** What is wrong with a payload, by the catalogue of subjects (docs/subjects.md); null when nothing is. */
export function payloadProblem(contract: Named, role: PayloadRole, payload: unknown): string | null {
  const name = contracts.get(address(contract));
  if (name === undefined) return `no contract is called ${address(contract)}`;
  const problem = documentProblem('subjects', (): JsonSchema => ({ $defs: payloadDefinitions(SCHEMAS) }), payloadSchemaName(name, role), payload);
  return problem === null ? null : `${payloadSchemaName(name, role)}: ${problem}`;
}
