import { join } from 'node:path';
import { damageLog, type Installation, type Logger } from '@orbitmesh/service-kit';
import { SESSION_STORE, Store, type StoreOptions } from '@orbitmesh/storage';
import type { Clock } from '../kernel/clock.js';
import type { SessionServiceConfig } from '../session-service.config.js';

export const storeDirectory = (home: string): string => join(home, SESSION_STORE.dir);

/** @throws STORAGE_LOCKED, STORAGE_NEWER, CONFIG_INVALID */
export function openStore(
  config: Pick<SessionServiceConfig, 'home'>, { installationId }: Pick<Installation, 'installationId'>, clock: Clock, logger: Logger, more: Pick<StoreOptions, 'fs' | 'limits'> = {},
): Promise<Store> {
  return Store.open({
    ...SESSION_STORE, dir: storeDirectory(config.home), installationId, clock: () => clock.monotonic(), onDamage: damageLog(logger), ...more,
  });
}
