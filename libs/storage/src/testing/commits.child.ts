import { Store } from '../store.js';
import { newEvent, putTask, TEST_COLLECTIONS } from './test-store.js';

/** Commits without end with some writers at once, and prints the number of each commit when it is acknowledged. */
const WRITERS = 8;

const store = await Store.open({
  dir: process.argv[2],
  collections: TEST_COLLECTIONS,
  installationId: 'inst',
  sessionEvents: (id) => `sessions/${id}/events.ndjson`,
  limits: { segmentBytesMax: 20_000, logBytesMax: 100_000, checkpointDelayMs: 20 },
});

async function write(writer: number): Promise<never> {
  for (let revision = 1; ; revision += 1) {
    const id = `task_${writer}`;
    const committed = await store.commit({
      puts: [putTask(id, { revision, title: 'x'.repeat(200) })],
      events: [newEvent('task:updated', `sess_${writer}`, { id, revision })],
      answer: { scope: 's', key: `${writer}-${revision}`, bodyHash: 'h', status: 200, body: { revision } },
    }).catch(() => undefined);
    // Refused by a disk in trouble: its next revision tries again.
    if (committed === undefined) await new Promise((turn) => setTimeout(turn, 5));
    else process.stdout.write(`${committed.commitSeq} ${writer} ${revision}\n`);
  }
}

await Promise.all(Array.from({ length: WRITERS }, (_, writer) => write(writer)));
