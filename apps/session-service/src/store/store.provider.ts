import { join } from 'node:path';
import { AppError } from '@orbitmesh/domain';
import { damageLog, type Installation, type Logger } from '@orbitmesh/service-kit';
import { SESSION_STORE, Store, StoreMark, type StoreOptions } from '@orbitmesh/storage';
import type { Clock } from '../kernel/clock.js';
import type { SessionServiceConfig } from '../session-service.config.js';

export const storeDirectory = (home: string): string => join(home, SESSION_STORE.dir);

/** @throws STORAGE_LOCKED, STORAGE_NEWER; CONFIG_INVALID also when this home had a store, which is gone: nobody wants to find an empty one in its place */
export async function openStore(
  config: Pick<SessionServiceConfig, 'home'>, { installationId }: Pick<Installation, 'installationId'>, clock: Clock, logger: Logger, more: Pick<StoreOptions, 'fs' | 'limits' | 'onSynced'> = {},
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
