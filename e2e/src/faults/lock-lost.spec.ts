import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, LONG } from '@orbitmesh/testing';
import { Scenario } from '../support/scenario.js';

describe('whose lock was taken away', () => {
  let scenario: Scenario;

  beforeAll(async () => { scenario = await Scenario.start(); }, 90_000);
  afterAll(() => scenario.stop(), 30_000);

  /** As an eager clean-up does. */
  async function removeLock(dir: string): Promise<void> {
    const path = join(scenario.stack.home, dir);
    for (const name of await readdir(path)) if (name.startsWith('.lock.')) await rm(join(path, name));
  }

  it.each(['session-service', ...(LONG ? ['notifier', 'provider-runner/slot-0'] : [])])('%s leaves, is started again, and the agent at work is not ended', async (service) => {
    const { id } = await scenario.spawn((await scenario.project()).id, { custom: { demo: { numbered: 30, delayMs: 100 } } });
    await scenario.running(id);
    const before = (await scenario.stack.pids())[service];
    await removeLock(service);
    await eventually(async () => {
      const { pid, state } = (await scenario.stack.file()).services[service];
      return pid !== null && pid !== before && state === 'ready';
    }, { what: `another ${service}`, timeoutMs: 30_000 });
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'completed', reported: true } });
  }, 60_000);
});
