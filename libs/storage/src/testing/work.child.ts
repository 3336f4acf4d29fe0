import { newEvent, putTask, TEST_COLLECTIONS } from './test-store.js';
import { Store } from '../store.js';

/** A store at work until it is killed: documents that come, move and go, and sessions that go on. Each line: a commit. */
const store = await Store.open({
  dir: process.argv[2], collections: TEST_COLLECTIONS, installationId: 'inst', sessionEvents: (id) => `sessions/${id}/events.ndjson`,
  limits: { checkpointDelayMs: 5, segmentBytesMax: 50_000 },
});
for (let n = 100; ; n += 1) {
  await store.commit({
    puts: [0, 10].map((ago) => putTask(`task_${n - ago}`, { revision: n, projectId: `proj_${n % 3}` })), deletes: [{ collection: 'tasks', id: `task_${n - 20}` }],
    events: [newEvent('e', `sess_${n % 5}`)],
  });
  process.stdout.write(`${n}\n`);
}
