import { join } from 'node:path';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { damageLog, Installation, LOGGER, type Logger } from '@orbitmesh/service-kit';
import { SESSION_STORE, Store, StoreMark, type StoreOptions } from '@orbitmesh/storage';
import { Clock } from '../kernel/clock.js';
import { CLOSE_MS_MAX } from '../limits.js';
import { SessionServiceConfig } from '../session-service.config.js';

export const storeDirectory = (home: string): string => join(home, SESSION_STORE.dir);

/** @throws STORAGE_LOCKED, STORAGE_NEWER; CONFIG_INVALID also when this home had a store, which is gone: nobody wants to find an empty one in its place */
export async function openStore(
  config: Pick<SessionServiceConfig, 'home'>, { installationId }: Pick<Installation, 'installationId'>, clock: Clock, logger: Logger, more: Pick<StoreOptions, 'fs' | 'limits'> = {},
): Promise<Store> {
  const dir = storeDirectory(config.home);
  const mark = new StoreMark({ home: config.home, layout: SESSION_STORE });
  if (mark.lost) {
    throw new AppError('CONFIG_INVALID', `${dir} ${mark.lost.text}. Bring it back: mount its disk, or restore a backup. Or begin anew, without all that was in it: rm ${join(config.home, mark.lost.mark)}`);
  }
  const store = await Store.open({
    ...SESSION_STORE, dir, installationId, clock: () => clock.monotonic(), onDamage: damageLog(logger), ...more,
  });
  await mark.follow(store);
  return store;
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
