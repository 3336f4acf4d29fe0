import type { EventEnvelope } from '@orbitmesh/domain';
import { defineTopic } from './rpc.js';

export const Topics = {
  /** Durable events, one commit or a part of one a message, in order of seq; at most PAGE_BYTES_MAX. A gap is filled by `eventPage`. */
  committed: defineTopic<{ logId: string; events: EventEnvelope[] }>('event', 'committed'),
  /** Where the feed stands: every HEAD_BEACON_MS and on reconnect. */
  head: defineTopic<{ logId: string; cursor: string; seq: number }>('beacon', 'head'),
} as const;
