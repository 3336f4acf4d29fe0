import { assertId, AppError } from '@orbitmesh/domain';
import type { Rpc, RpcOwner, Topic } from '@orbitmesh/contracts';

/** Version of the wire: a change that old processes cannot read gets a new prefix. */
const PREFIX = 'om.v1';

/** Dotted lower-case or camelCase words: contract names are ours, so anything else is a mistake in a contract. */
const NAME_PATTERN = /^[a-z][A-Za-z]*(\.[a-z][A-Za-z]*)*$/;

function assertName(name: string): void {
  if (!NAME_PATTERN.test(name)) throw new TypeError(`'${name}' is not a contract name`);
}

/**
 * Where a request goes: `om.v1.<installationId>.req.<owner>[.<runnerId>].<name>`.
 * @throws VALIDATION_FAILED when an id is not one token, or a runner's request names no runner.
 */
export function requestSubject(installationId: string, rpc: Pick<Rpc<unknown, unknown>, 'owner' | 'name'>, runnerId?: string): string {
  assertId(installationId, 'installationId');
  assertName(rpc.name);
  if (rpc.owner !== 'runner') return `${PREFIX}.${installationId}.req.${rpc.owner}.${rpc.name}`;
  if (runnerId === undefined) throw new AppError('VALIDATION_FAILED', `${rpc.name} goes to one runner; runnerId is missing.`, { name: 'runnerId' });
  assertId(runnerId, 'runnerId');
  return `${PREFIX}.${installationId}.req.runner.${runnerId}.${rpc.name}`;
}

/** Where a one-way message goes: `om.v1.<installationId>.<kind>.<name>`. */
export function topicSubject(installationId: string, topic: Pick<Topic<unknown>, 'kind' | 'name'>): string {
  assertId(installationId, 'installationId');
  assertName(topic.name);
  return `${PREFIX}.${installationId}.${topic.kind}.${topic.name}`;
}

/** Servers that share one subject answer in turn; every other owner is one process. */
export function queueGroup(owner: RpcOwner): string | undefined {
  return owner === 'anyRunner' ? 'any-runner' : undefined;
}
