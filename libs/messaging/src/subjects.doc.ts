import { AnyRunnerRpc, NotifierRpc, RunnerRpc, SessionRpc, Topics, type Rpc, type Topic } from '@orbitmesh/contracts';
import { queueGroup, requestSubject, topicSubject } from './subjects.js';

type AnyRpc = Pick<Rpc<unknown, unknown>, 'owner' | 'name' | 'timeoutMs'>;
type AnyTopic = Pick<Topic<unknown>, 'kind' | 'name'>;

const CONTRACTS: readonly { name: string; title: string; rpcs: Record<string, AnyRpc> }[] = [
  { name: 'SessionRpc', title: 'Answered by session-service', rpcs: SessionRpc },
  { name: 'RunnerRpc', title: 'Answered by one provider-runner, named by its id', rpcs: RunnerRpc },
  { name: 'AnyRunnerRpc', title: 'Answered by any one provider-runner', rpcs: AnyRunnerRpc },
  { name: 'NotifierRpc', title: 'Answered by notifier', rpcs: NotifierRpc },
];

/** `docs/subjects.md`: the map of everything that crosses NATS, rendered from the contracts themselves. */
export function renderSubjects(): string {
  const topics: [string, AnyTopic][] = Object.entries(Topics);
  return [
    '# NATS subjects',
    '',
    'Generated from `libs/contracts` by `node tools/gen.mjs`; do not edit. `{i}` is the installation id, `{r}` a runner id.',
    'Find all references on a contract (e.g. `SessionRpc.spawn`) to see who asks and who answers; its types are the payloads.',
    '',
    'Requests and answers are JSON of at most 1 MiB less 4 KiB. Header `om-trace` carries the trace id; an answer with header',
    '`om-error: CODE` is an error, its body `{message, details}` (codes: [error-codes.md](error-codes.md)).',
    ...CONTRACTS.flatMap(({ name, title, rpcs }) => ['', `## ${title}`, '', '| contract | subject | queue group | timeout |', '| --- | --- | --- | --- |', ...Object.entries(rpcs).map(([key, rpc]) => row(name, key, rpc))]),
    '',
    '## One-way',
    '',
    '| contract | subject |',
    '| --- | --- |',
    ...topics.map(([key, topic]) => `| \`Topics.${key}\` | \`${topicSubject('i', topic).replace('.i.', '.{i}.')}\` |`),
    '',
  ].join('\n');
}

function row(contract: string, key: string, rpc: AnyRpc): string {
  const subject = requestSubject('i', rpc, rpc.owner === 'runner' ? 'r' : undefined).replace('.i.', '.{i}.').replace('.runner.r.', '.runner.{r}.');
  return `| \`${contract}.${key}\` | \`${subject}\` | ${queueGroup(rpc.owner) ?? ''} | ${rpc.timeoutMs / 1_000} s |`;
}
