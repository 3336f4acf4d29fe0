import { expect, it } from '@jest/globals';
import { HealthRegistry } from '@orbitmesh/service-kit';
import { HealthController } from './health.controller.js';
import { HEALTH_MS } from './limits.js';
import type { NotifierStore } from './store/notifier.store.js';
import { FakeClock } from './testing/fake-clock.js';

it('tells that its disk is in trouble, and that it is not any more, though nobody asks', () => {
  const store = { writable: true };
  const [clock, health, heard] = [new FakeClock(), new HealthRegistry('notifier'), [] as boolean[]];
  health.onChange((ok) => heard.push(ok));
  const [none] = Array<never>(1);
  const controller = new HealthController(none, { health: () => store } as unknown as NotifierStore, none, none, none, none, health, none, clock);

  controller.onApplicationBootstrap();
  for (const writable of [false, false, true]) {
    store.writable = writable;
    clock.advance(HEALTH_MS);
  }
  controller.onModuleDestroy();
  store.writable = false;
  clock.advance(HEALTH_MS);

  expect(heard).toEqual([false, true]);
});
