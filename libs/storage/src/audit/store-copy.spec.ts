import { cpSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { eventually, newEvent, putSession, putTask, TEST_COLLECTIONS, TestStores } from '../testing/test-store.js';
import { LONG } from '../testing/faults.js';
import { auditStore } from './store-audit.js';
import { copyStore } from './store-copy.js';

const stores = new TestStores();
afterEach(() => stores.clean());

const layout = { dir: '', collections: TEST_COLLECTIONS, sessionEvents: (id: string) => `sessions/${id}/events.ndjson` };

describe('a copy of a store', () => {
  it.each([
    ...(LONG ? [['', {}] as [string, object]] : []),
    [' while its log is compacted', { segmentBytesMax: 30_000, logBytesMax: 60_000, answerSegmentBytesMax: 2_000 }],
  ])('at work%s starts as after a power cut: every commit acknowledged before is in it, whole, once and in order', async (_, limits) => {
    const [dir, target] = [stores.dir(), stores.dir()];
    const store = await stores.open(dir, { limits: { checkpointDelayMs: 10, ...limits } });
    let [writing, acknowledged] = [true, 0];
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let n = 0; writing; n += 1) {
        const id = `task_${writer}_${n}`;
        const deletes = n > 50 ? [{ collection: 'tasks', id: `task_${writer}_${n - 50}` }] : [];
        const answer = { scope: 's', key: id, bodyHash: 'h', status: 201, body: { id } };
        await store.commit({ puts: [putTask(id, { projectId: `proj_${n % 2}` }), putSession(`sess_${writer}`, { revision: n })], deletes, events: [newEvent('e', `sess_${writer}`, { id })], answer });
        acknowledged += 1;
      }
    });
    const wrong: unknown[] = [];
    let behindOnce = false;
    for (let round = 1; round <= 2; round += 1) {
      await eventually(() => acknowledged > round * 150);
      const before = store.head().seq;
      const to = join(target, `copy-${round}`);
      await copyStore({ home: dir, layout }, to);

      const audit = auditStore({ home: to, layout });
      behindOnce ||= audit.behind > 0;
      const copy = await stores.open(to);
      const { seq } = copy.head();
      const { items } = await copy.readEvents({ limit: 1_000 });
      const numbers = items.map((event) => event.seq);
      wrong.push(...audit.findings, ...copy.health().quarantined, ...(seq < before ? [`lost ${before - seq}`] : []));
      if (numbers.some((one, at) => at > 0 && one !== numbers[at - 1] + 1)) wrong.push(numbers);
      for (const id of ['sess_0', 'sess_1', 'sess_2', 'sess_3']) {
        const lines = readFileSync(join(to, `sessions/${id}/events.ndjson`), 'utf8').trimEnd().split('\n').map((line) => (JSON.parse(line) as { sessionSeq: number }).sessionSeq);
        if (lines.some((one, at) => one !== at + 1)) wrong.push([id, lines]);
      }
      // What was made last, and what was deleted last, as the events say.
      const { id } = (await copy.readEvents({ after: seq - 1, limit: 1 })).items[0].data as { id: string };
      if (!copy.durable.has('tasks', id) || copy.idempotency.lookup('s', id) === undefined) wrong.push([id, copy.durable.has('tasks', id), copy.idempotency.lookup('s', id), numbers.length, seq]);
      await copy.flush();
      // Only then is what a store at work was about to write a left-over: its reserve, say, which it makes behind the boot.
      await copy.close();
      wrong.push(...auditStore({ home: to, layout }).findings);
    }
    writing = false;
    await Promise.all(writers);

    expect(wrong).toEqual([]);
    expect(behindOnce).toBe(true);
  }, 60_000);

  it('has neither its lock nor what was on its way to be a file', async () => {
    const [dir, to] = [stores.dir(), stores.dir()];
    const store = await stores.open(dir);
    await store.commit({ puts: [putTask('task_1')], events: [newEvent('e')] });
    await store.flush();

    await copyStore({ home: dir, layout }, to);

    expect(readdirSync(to).sort()).toEqual(['answers', 'checkpoint.json', 'log', 'tasks']);
    expect(auditStore({ home: to, layout })).toMatchObject({ findings: [], documents: 1, copied: true });
  });

  it('of a log that is a mere prefix is no copy: files would be newer than it', async () => {
    const [dir, to] = [stores.dir(), stores.dir()];
    const store = await stores.open(dir);
    await store.commit({ puts: [putTask('task_1', { revision: 1 })] });
    cpSync(join(dir, 'log'), join(to, 'log'), { recursive: true });
    await store.commit({ puts: [putTask('task_1', { revision: 2 })] });
    await store.flush();
    for (const part of ['tasks', 'checkpoint.json']) cpSync(join(dir, part), join(to, part), { recursive: true });

    expect(auditStore({ home: to, layout }).findings.map(({ kind }) => kind)).toEqual(['log', 'ahead']);
    rmSync(join(to, 'log'), { recursive: true });
    expect(existsSync(join(to, 'tasks/proj_1/task_1.json'))).toBe(true);
  });
});
