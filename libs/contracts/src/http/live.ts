import type { Approval, EventEnvelope } from '@orbitmesh/domain';

/** Server → client (design §5). */
export type ServerFrame =
  | { type: 'subscribed'; resume: 'ok' | 'gap'; cursor: string }
  | { type: 'event'; event: EventEnvelope }
  /** Everything that matches, up to this cursor, has been sent. */
  | { type: 'position'; cursor: string }
  | { type: 'pong' }
  /** Events are late until the next `position`. */
  | { type: 'degraded'; reason: string }
  /** The answer was the first; `id` is the frame's. */
  | { type: 'approval_answered'; id?: string; approval: Approval }
  /** `id`: of the frame that is refused, where it had one; `details`: what a problem has beside, e.g. who answered first. */
  | { type: 'error'; code: string; detail: string; id?: string; details?: Record<string, unknown> };

/**
 * What an event stream says beside events, by its `event:` field. No session event is called so: an agent's own `error` is an
 * `error`, the stream's is `stream.error`.
 */
export const STREAM_EVENTS = { subscribed: 'stream.opened', position: 'position', degraded: 'degraded', error: 'stream.error' } as const;

/** What a client of `/ws` may say. */
export const CLIENT_FRAMES = ['subscribe', 'unsubscribe', 'ping', 'answer_approval'] as const;
export type ClientFrame = (typeof CLIENT_FRAMES)[number];

/** The subprotocol of `/ws`; browsers, which cannot set a header, offer the token beside it as `bearer.<token>`. */
export const WS_PROTOCOL = 'orbitmesh.v1';
export const WS_BEARER_PREFIX = 'bearer.';

/** Why the server closes a socket. */
export const WS_CLOSE = { shutdown: 1001, unauthenticated: 4001, slow: 4008 } as const;
