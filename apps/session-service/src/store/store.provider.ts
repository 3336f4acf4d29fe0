import { join } from 'node:path';
import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Installation } from '@orbitmesh/service-kit';
import { SESSION_STORE, Store, type StoreOptions } from '@orbitmesh/storage';
import { Clock } from '../kernel/clock.js';
import { SessionServiceConfig } from '../session-service.config.js';

export const storeDirectory = (home: string): string => join(home, SESSION_STORE.dir);

/** @throws STORAGE_LOCKED, STORAGE_NEWER, CONFIG_INVALID */
export function openStore(
  config: Pick<SessionServiceConfig, 'home'>, { installationId }: Pick<Installation, 'installationId'>, clock: Clock, more: Pick<StoreOptions, 'fs' | 'limits'> = {},
): Promise<Store> {
  return Store.open({
    ...SESSION_STORE, dir: storeDirectory(config.home), installationId, clock: () => clock.monotonic(), ...more,
  });
}

/** Closes the store when no handler is in flight any more (the bus has drained). */
@Injectable()
export class StoreCloser implements OnApplicationShutdown {
  constructor(@Inject(Store) private readonly store: Store) {}

  async onApplicationShutdown(): Promise<void> {
    await this.store.close();
  }
}
