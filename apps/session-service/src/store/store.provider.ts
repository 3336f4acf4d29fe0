import { join } from 'node:path';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { damageLog, Installation, LOGGER, type Logger } from '@orbitmesh/service-kit';
import { SESSION_STORE, Store, type StoreOptions } from '@orbitmesh/storage';
import { Clock } from '../kernel/clock.js';
import { CLOSE_MS_MAX } from '../limits.js';
import { SessionServiceConfig } from '../session-service.config.js';

export const storeDirectory = (home: string): string => join(home, SESSION_STORE.dir);

/** @throws STORAGE_LOCKED, STORAGE_NEWER, CONFIG_INVALID */
export function openStore(
  config: Pick<SessionServiceConfig, 'home'>, { installationId }: Pick<Installation, 'installationId'>, clock: Clock, logger: Logger, more: Pick<StoreOptions, 'fs' | 'limits'> = {},
): Promise<Store> {
  return Store.open({
    ...SESSION_STORE, dir: storeDirectory(config.home), installationId, clock: () => clock.monotonic(), onDamage: damageLog(logger), ...more,
  });
}

/** Closes the store when no handler is in flight any more (the bus has drained). */
@Injectable()
export class StoreCloser implements OnApplicationShutdown {
  constructor(@Inject(Store) private readonly store: Store, @Inject(LOGGER) private readonly logger: Logger) {}

  /** Everything is in the log: of thousands of files that lag behind it, those that are not written in time are written by the next start. */
  async onApplicationShutdown(): Promise<void> {
    const closed = this.store.close();
    const late = new Promise<'late'>((resolve) => { setTimeout(resolve, CLOSE_MS_MAX, 'late').unref(); });
    if (await Promise.race([closed, late]) !== 'late') return;
    closed.catch(() => undefined);
    this.logger.warn('files lag behind the log; the next start goes on with them');
  }
}
