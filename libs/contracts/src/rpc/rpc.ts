import type { Actor, EventEnvelope } from '@orbitmesh/domain';

/** Who answers a request. A runner is addressed by its id; `anyRunner` goes to one of them (queue group). */
export type RpcOwner = 'session' | 'notifier' | 'runner' | 'anyRunner' | 'gateway';

/** One request/reply contract: its subject is `om.v1.<installationId>.req.<owner>[.<runnerId>].<name>`. */
export interface Rpc<Req, Res> {
  readonly owner: RpcOwner;
  readonly name: string;
  readonly timeoutMs: number;
  /** Only carries the types. */
  readonly _types?: { req: Req; res: Res };
}

export type RpcRequest<R> = R extends Rpc<infer Req, unknown> ? Req : never;
export type RpcResponse<R> = R extends Rpc<never, infer Res> ? Res : R extends Rpc<infer _Q, infer Res> ? Res : never;

/** One-way messages: `om.v1.<installationId>.<kind>.<name>`. */
export interface Topic<T> {
  readonly kind: 'event' | 'beacon';
  readonly name: string;
  readonly _type?: T;
}

/** Every command of a user or an agent carries who gives it, and what makes it repeatable. */
export interface CommandMeta {
  actor: Actor;
  traceId: string;
  /** Idempotency-Key with its scope `<tokenId> <METHOD> <path>` and the SHA-256 of the body (design §3). */
  idempotency?: { scope: string; key: string; bodyHash: string };
  /** If-Match: the revision the caller saw. */
  ifMatch?: number;
}

/** A read on behalf of an agent says so: it is shown what its session may see (design §8). Absent: people. */
export interface Reading { reader?: Actor }

/** The answer to a mutation, kept as sent under its Idempotency-Key. */
export interface MutationReply<T = unknown> {
  status: 200 | 201 | 202 | 204;
  /** null with 204. */
  body: T;
  /** Head of the feed after the commit (X-OrbitMesh-Cursor). */
  cursor: string;
  /** True when this is the kept answer of an earlier request with the same key. */
  replayed?: boolean;
}

export interface Page<T> { items: T[]; nextCursor: string | null }
/** A list that is always whole. */
export interface List<T> { items: T[]; nextCursor: null }
/** Where to go on is always there; the end is an empty page. */
export interface EventPage { items: EventEnvelope[]; nextCursor: string }
/** Bounded by `limit` items and by 512 KiB; a short page has a `nextCursor`. */
export interface PageQuery { cursor?: string; limit?: number }

export function defineRpc<Req, Res>(owner: RpcOwner, name: string, timeoutMs: number): Rpc<Req, Res> {
  return Object.freeze({ owner, name, timeoutMs });
}
export function defineTopic<T>(kind: Topic<T>['kind'], name: string): Topic<T> {
  return Object.freeze({ kind, name });
}
