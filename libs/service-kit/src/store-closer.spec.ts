import { expect, it } from '@jest/globals';
import { STORE_CLOSE_MS_MAX } from './limits.js';
import { StoreCloser } from './store-closer.js';

const closerOf = (close: () => Promise<void>, said: string[] = []) =>
  new StoreCloser({ close }, { warn: (message: string) => said.push(message) } as never);

it('a stop waits for the store to be closed', async () => {
  let finish = (): void => undefined;
  let stopped = false;
  const stopping = closerOf(() => new Promise((resolve) => { finish = resolve; })).onApplicationShutdown().then(() => { stopped = true; });
  await Promise.resolve();
  expect(stopped).toBe(false);
  finish();
  await stopping;
});

it('a stop does not wait for thousands of files that lag behind the log, and says so', async () => {
  const [since, said] = [performance.now(), [] as string[]];
  await closerOf(() => new Promise(() => undefined), said).onApplicationShutdown();
  expect(performance.now() - since).toBeGreaterThanOrEqual(STORE_CLOSE_MS_MAX - 10);
  expect(said).toEqual(['files lag behind the log; the next start goes on with them']);
});

it('a store that cannot be closed is a stop that failed', async () => {
  await expect(closerOf(() => Promise.reject(new Error('no'))).onApplicationShutdown()).rejects.toThrow('no');
});
