import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { COLLECTIONS } from './collections.js';
import { NotifierStore } from './notifier.store.js';

let home: string;
beforeEach(async () => { home = await mkdtemp(join(tmpdir(), 'om-notifier-')); });
afterEach(() => rm(home, { recursive: true, force: true }));

it('goes on without a store that was taken away, and tells of it at each start until somebody has accepted it', async () => {
  const told: string[] = [];
  const started = async (): Promise<void> => {
    const store = await NotifierStore.open({ dir: join(home, 'notifier'), installationId: 'in_1', onDamage: ({ reason }) => told.push(reason) });
    await store.commit({ puts: [{ collection: COLLECTIONS.position, id: 'position', doc: { id: 'position', jumps: [], jumpCount: 0, revision: 1 } }] });
    expect(store.health()).toMatchObject({ writable: true, quarantined: told.slice(-1).map((reason) => ({ reason })) });
    await store.close();
  };
  await started();
  expect(told).toEqual([]);
  await rm(join(home, 'notifier'), { recursive: true });

  await started();
  await started();

  const loss = expect.stringMatching(/was gone, and begun anew at 20.*: what was in it is lost\. Restore a backup, or accept it: rm .*\/notifier\.store\.json$/);
  expect(told).toEqual([loss, loss]);
  await rm(join(home, 'notifier.store.json'));
  told.length = 0;
  await started();
});
