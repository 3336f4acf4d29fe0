import { afterEach, describe, expect, it } from '@jest/globals';
import { Child } from './testing/child.js';
import { TestStores, type TestTask } from './testing/test-store.js';

const stores = new TestStores();
const children: Child[] = [];
afterEach(async () => {
  for (const child of children.splice(0)) await child.kill();
  await stores.clean();
});

const ROUNDS = 5;

describe('kill -9 of a writer, again and again in the same directory', () => {
  it('leaves every acknowledged commit: document, event, numbers, answer', async () => {
    const dir = stores.dir();
    const revisions = new Map<string, number>();
    let acknowledged = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const child = Child.start('commits', dir);
      children.push(child);
      await child.printed(50 + round * 150);
      await child.kill();
      expect(child.lines.length).toBeGreaterThan(0);

      const store = await stores.open(dir);
      const last = new Map<string, number>();
      for (const line of child.lines) {
        const [commit, writer, revision] = line.split(' ');
        acknowledged = Math.max(acknowledged, Number(commit));
        last.set(writer, Number(revision));
        expect(store.idempotency.lookup('s', `${writer}-${revision}`)).toMatchObject({ body: { revision: Number(revision) } });
      }
      expect(store.head().seq).toBeGreaterThanOrEqual(acknowledged);
      for (const [writer, revision] of last) {
        const task = store.durable.get<TestTask>('tasks', `task_${writer}`);
        // One more may be there: written, but not yet acknowledged when it was killed.
        expect([revision, revision + 1]).toContain(task?.revision);
        revisions.set(writer, (revisions.get(writer) ?? 0) + (task?.revision as number));
      }
      expect(store.health().quarantined).toEqual([]);
      await store.close();
    }

    const store = await stores.open(dir);
    for (let after = store.oldest().seq - 1; ; ) {
      const { items } = await store.readEvents({ after, limit: 1_000 });
      if (items.length === 0) break;
      for (const event of items) expect(event.seq).toBe((after += 1));
    }
    for (const [writer, total] of revisions) {
      const seen: number[] = [];
      for (;;) {
        const { items } = await store.readSessionEvents(`sess_${writer}`, { after: seen.length, limit: 1_000 });
        if (items.length === 0) break;
        seen.push(...items.map(({ sessionSeq }) => sessionSeq as number));
      }
      expect(seen).toEqual(Array.from({ length: total }, (_, n) => n + 1));
    }
  }, 60_000);
});
