import type { OnApplicationShutdown } from '@nestjs/common';
import { STORE_CLOSE_MS_MAX } from './limits.js';
import type { Logger } from './logger.js';

/** Closes a service's store when no handler is in flight any more (the bus has drained). */
export class StoreCloser implements OnApplicationShutdown {
  constructor(private readonly store: { close(): Promise<void> }, private readonly logger: Pick<Logger, 'warn'>) {}

  /** Everything is in the log: of thousands of files that lag behind it, those that are not written in time are written by the next start. */
  async onApplicationShutdown(): Promise<void> {
    const closed = this.store.close();
    const late = new Promise<'late'>((resolve) => { setTimeout(resolve, STORE_CLOSE_MS_MAX, 'late').unref(); });
    if (await Promise.race([closed, late]) !== 'late') return;
    closed.catch(() => undefined);
    this.logger.warn('files lag behind the log; the next start goes on with them');
  }
}
