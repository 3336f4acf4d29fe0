import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { FEED_CURSOR, FEED_CURSOR_MESSAGE, validationError, type EventStreamQueryDto } from '@orbitmesh/contracts';
import type { Call } from '../http/request-context.js';
import { Traffic } from '../http/traffic.js';
import { LiveClients } from './live-clients.js';
import { StreamClient } from './stream-client.js';

/** No proxy may keep it, change it, or hold it back until it has enough (nginx reads the last). */
const HEADERS = { 'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' } as const;

/** The feed over plain HTTP, for clients without WebSocket: `GET /api/events/stream` (design §5). */
@Injectable()
export class EventStreams {
  constructor(@Inject(LiveClients) private readonly clients: LiveClients, @Inject(Traffic) private readonly traffic: Traffic) {}

  /** From here on the answer is ours, unless this throws. @throws VALIDATION_FAILED, UNAVAILABLE */
  open({ request, reply }: Call, { after, ticket: _used, ...filter }: EventStreamQueryDto): void {
    const { principal, token } = request;
    if (!principal || token === null) throw new AppError('UNAUTHENTICATED');
    const from = lastEventId(request.headers['last-event-id']) ?? after;
    if (request.method === 'HEAD') {
      void reply.headers(HEADERS).send();
      return;
    }
    this.clients.checkRoom(principal);
    this.traffic.hold(request);
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { ...reply.getHeaders(), ...HEADERS } as Record<string, string>);
    raw.flushHeaders();
    const client = new StreamClient(raw, this.clients.optionsFor(principal, token));
    raw.once('close', () => this.clients.delete(client));
    this.clients.add(client);
    client.open(filter, from);
  }
}

/** An empty one is none: what some clients send that have seen no event yet. @throws VALIDATION_FAILED */
function lastEventId(header: string | string[] | undefined): string | null {
  if (header === undefined || header === '') return null;
  if (typeof header === 'string' && FEED_CURSOR.test(header)) return header;
  throw validationError([{ pointer: '/last-event-id', detail: FEED_CURSOR_MESSAGE }], 'header');
}
