import { AnyRunnerRpc, NotifierRpc, RunnerRpc, SessionRpc, Topics, type JsonSchema, type Rpc, type Topic } from '@orbitmesh/contracts';
import { briefText, payloadDefinitions, payloadSchemaName, payloadSchemas, type PayloadRole, type SchemaSet } from '@orbitmesh/contracts/schemas';
import { queueGroup, requestPattern as patternOf, topicPattern as topicPatternOf } from './subjects.js';

type AnyRpc = Pick<Rpc<unknown, unknown>, 'owner' | 'name' | 'timeoutMs'>;
type AnyTopic = Pick<Topic<unknown>, 'kind' | 'name'>;
type Payloads = Partial<Record<PayloadRole, JsonSchema>>;

const CONTRACTS: readonly { name: string; title: string; rpcs: Record<string, AnyRpc> }[] = [
  { name: 'SessionRpc', title: 'Answered by session-service', rpcs: SessionRpc },
  { name: 'RunnerRpc', title: 'Answered by one provider-runner, named by its id', rpcs: RunnerRpc },
  { name: 'AnyRunnerRpc', title: 'Answered by any one provider-runner', rpcs: AnyRunnerRpc },
  { name: 'NotifierRpc', title: 'Answered by notifier', rpcs: NotifierRpc },
];
const TOPICS: Record<string, AnyTopic> = Topics;

/** `docs/subjects.md`: the map of everything that crosses NATS, rendered from the contracts themselves. */
export function renderSubjects(set: SchemaSet): string {
  const payloads = new Map(payloadSchemas(set).map((one): [string, Payloads] => [one.contract, one.payloads]));
  return [
    '# NATS subjects',
    '',
    'Generated from `libs/contracts` by `node tools/gen.mjs`; do not edit. `{i}` is the installation id, `{r}` a runner id.',
    'Find all references on a contract (e.g. `SessionRpc.spawn`) to see who asks and who answers. The payloads as JSON Schema, under the name of',
    'the contract (`SessionRpc.spawn.request`), are in [subjects.schema.json](subjects.schema.json); the shapes they share also in [events.md](events.md#shapes).',
    'Who may ask, answer, publish and hear what: [nats-permissions.md](nats-permissions.md).',
    '',
    'Requests and answers are JSON of at most 1 MiB less 4 KiB. Header `traceparent` (W3C Trace Context) names the request that they are for; an answer with header',
    '`om-error: CODE` is an error, its body `{message, details}` (codes: [error-codes.md](error-codes.md)). `meta` is `CommandMeta`: who asks, and what makes it repeatable.',
    ...CONTRACTS.flatMap(({ name, title, rpcs }) => [
      '', `## ${title}`, '', '| contract | subject | queue group | timeout | request | response |', '| --- | --- | --- | --- | --- | --- |',
      ...Object.entries(rpcs).map(([key, rpc]) => row(`${name}.${key}`, rpc, payloads.get(`${name}.${key}`) ?? {})),
    ]),
    '',
    '## One-way',
    '',
    '| contract | subject | message |',
    '| --- | --- | --- |',
    ...Object.entries(TOPICS).map(([key, topic]) => `| \`Topics.${key}\` | \`${topicPattern(topic)}\` | ${textOf(payloads.get(`Topics.${key}`)?.message)} |`),
    '',
  ].join('\n');
}

/** `docs/subjects.schema.json`: which schema is for which subject, and the schemas. */
export function subjectCatalogue(set: SchemaSet): JsonSchema {
  const rpcs = CONTRACTS.flatMap(({ name, rpcs: all }) => Object.entries(all).map(([key, rpc]) => [`${name}.${key}`, {
    subject: requestPattern(rpc), queueGroup: queueGroup(rpc.owner) ?? null, timeoutMs: rpc.timeoutMs, ...references(`${name}.${key}`, ['request', 'response']),
  }]));
  const topics = Object.entries(TOPICS).map(([key, topic]) => [`Topics.${key}`, { subject: topicPattern(topic), ...references(`Topics.${key}`, ['message']) }]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $comment: 'Generated from libs/contracts by node tools/gen.mjs; do not edit.',
    title: 'What crosses NATS in OrbitMesh',
    description: '`x-subjects`: by contract, its subject ({i} the installation id, {r} a runner id) and the schemas of its payloads.',
    'x-subjects': Object.fromEntries([...rpcs, ...topics]) as Record<string, unknown>,
    $defs: payloadDefinitions(set),
  };
}

function references(contract: string, roles: PayloadRole[]): Record<string, JsonSchema> {
  return Object.fromEntries(roles.map((role) => [role, { $ref: `#/$defs/${payloadSchemaName(contract, role)}` }]));
}

function row(contract: string, rpc: AnyRpc, { request, response }: Payloads): string {
  return `| \`${contract}\` | \`${requestPattern(rpc)}\` | ${queueGroup(rpc.owner) ?? ''} | ${rpc.timeoutMs / 1_000} s | ${textOf(request)} | ${textOf(response)} |`;
}

function requestPattern(rpc: AnyRpc): string {
  return patternOf(rpc, '{i}', '{r}');
}

function topicPattern(topic: AnyTopic): string {
  return topicPatternOf(topic, '{i}');
}

function textOf(schema: JsonSchema = {}): string {
  const text = briefText(schema);
  return text === '{}' ? '' : `\`${text.replaceAll('|', '\\|')}\``;
}
