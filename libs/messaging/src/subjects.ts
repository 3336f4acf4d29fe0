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
  if (rpc.owner !== 'runner') return requestPattern(rpc, installationId);
  if (runnerId === undefined) throw new AppError('VALIDATION_FAILED', `${rpc.name} goes to one runner; runnerId is missing.`, { name: 'runnerId' });
  assertId(runnerId, 'runnerId');
  return requestPattern(rpc, installationId, runnerId);
}

/** The subject of a request with anything in place of its ids, by default what NATS takes for any: for documents and permissions. */
export function requestPattern(rpc: Pick<Rpc<unknown, unknown>, 'owner' | 'name'>, installation = '*', runner = '*'): string {
  assertName(rpc.name);
  return `${PREFIX}.${installation}.req.${rpc.owner}.${rpc.owner === 'runner' ? `${runner}.` : ''}${rpc.name}`;
}

/** Everything that an owner is asked. */
export function ownerPattern(owner: RpcOwner): string {
  return `${PREFIX}.*.req.${owner}.>`;
}

/** Where a one-way message goes: `om.v1.<installationId>.<kind>.<name>`. */
export function topicSubject(installationId: string, topic: Pick<Topic<unknown>, 'kind' | 'name'>): string {
  assertId(installationId, 'installationId');
  return topicPattern(topic, installationId);
}

/** As `requestPattern`. */
export function topicPattern(topic: Pick<Topic<unknown>, 'kind' | 'name'>, installation = '*'): string {
  assertName(topic.name);
  return `${PREFIX}.${installation}.${topic.kind}.${topic.name}`;
}

const INBOXES = '_INBOX.';

/** Where a service's answers go to: no other may listen there (ADR-0030). @throws VALIDATION_FAILED for a name that is not one token */
export function inboxPrefix(service: string): string {
  assertId(service, 'name');
  return `${INBOXES}${service}`;
}

/** An answer goes to whoever asked, and nowhere else: whoever could name another subject would speak there in the answerer's name. */
export function isOthersInbox(reply: string | undefined, service: string): boolean {
  return reply !== undefined && reply.startsWith(INBOXES) && !reply.startsWith(`${inboxPrefix(service)}.`);
}

/** Servers that share one subject answer in turn; every other owner is one process. */
export function queueGroup(owner: RpcOwner): string | undefined {
  return owner === 'anyRunner' ? 'any-runner' : undefined;
}
