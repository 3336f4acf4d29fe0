import { Inject, Injectable } from '@nestjs/common';
import type { RpcRequest, RpcResponse, SessionRpc } from '@orbitmesh/contracts';
import { Store } from '@orbitmesh/storage';
import { sessionOf } from '../store/documents.js';
import { pageBounds, sessionSeqOf } from './page-bounds.js';

/** Pages of the feed, from the log that live events come from as well. */
@Injectable()
export class FeedService {
  constructor(@Inject(Store) private readonly store: Store) {}

  /** @throws CURSOR_GONE {oldest, newest}, VALIDATION_FAILED */
  page({ after, limit }: RpcRequest<typeof SessionRpc.eventPage>): Promise<RpcResponse<typeof SessionRpc.eventPage>> {
    return this.store.readEvents({ ...pageBounds(limit), ...(after !== undefined && { after }) });
  }

  /** @throws SESSION_NOT_FOUND, CURSOR_GONE, VALIDATION_FAILED */
  async sessionPage({ id, after, limit }: RpcRequest<typeof SessionRpc.sessionEventPage>): Promise<RpcResponse<typeof SessionRpc.sessionEventPage>> {
    sessionOf(this.store.durable, id);
    return this.store.readSessionEvents(id, { ...pageBounds(limit), after: sessionSeqOf(after) });
  }

  head(): RpcResponse<typeof SessionRpc.head> {
    return { logId: this.store.logId, ...this.store.head(), oldest: this.store.oldest().cursor };
  }
}
