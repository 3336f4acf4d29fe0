import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AppError } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { FlakyDisk } from '../testing/flaky-disk.js';
import { entryOf, LOG_ID, meta, TestNotifier, withKey } from '../testing/test-notifier.js';

let dir: string;
let disk: FlakyDisk;
let notifier: TestNotifier;
beforeEach(async () => {
  [dir, disk] = [join(await mkdtemp(join(tmpdir(), 'om-inbox-')), 'store'), new FlakyDisk()];
  notifier = await TestNotifier.open({ dir, fs: disk.fs });
});
afterEach(async () => {
  disk.failing = false;
  await notifier.close();
  await rm(dirname(dir), { recursive: true, force: true });
});
const seqs = (query: Parameters<TestNotifier['people']['list']>[0] = {}) => notifier.people.list({ limit: 200, ...query }).items.map(({ seq }) => seq);
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'answered', (error: AppError) => error.code);
const id = (seq: number) => entryOf(seq).id;

describe('the list', () => {
  beforeEach(async () => {
    await notifier.tell('notify:progress', 'notify:needs_input', 'notify:progress', 'notify:session_failed');
    await notifier.people.markRead({ id: id(1), meta: meta() });
  });

  it.each([
    [{}, [1, 2, 3, 4]], [{ unread: true }, [2, 3, 4]], [{ unread: false }, [1]], [{ sessionId: 'sess_1' }, [1, 3]], [{ projectId: 'proj_2' }, []],
    [{ types: ['notify:needs_input' as const, 'notify:session_failed' as const] }, [2, 4]], [{ types: ['notify:*' as const] }, [1, 2, 3, 4]],
    [{ unread: true, sessionId: 'sess_1', types: ['notify:progress' as const] }, [3]],
  ])('by %j has %j', (query, expected) => {
    expect(seqs(query)).toEqual(expected);
  });

  it('comes in pages, whatever it is filtered by', () => {
    const page = notifier.people.list({ unread: true, limit: 2 });

    expect(page.items.map(({ seq }) => seq)).toEqual([2, 3]);
    expect(notifier.people.list({ unread: true, limit: 2, cursor: page.nextCursor! })).toMatchObject({ items: [{ seq: 4 }], nextCursor: null });
  });
});

describe('a notification', () => {
  it('is read and unread again, each once', async () => {
    await notifier.tell('notify:progress');
    const read = await notifier.people.markRead({ id: id(1), meta: meta({ ifMatch: 1 }) });

    expect(read.body).toMatchObject({ readAt: '2026-01-01T12:00:00.000Z', revision: 2 });
    expect(await notifier.people.markRead({ id: id(1), meta: meta() })).toEqual(read);
    expect((await notifier.people.markUnread({ id: id(1), meta: meta({ ifMatch: 2 }) })).body).toMatchObject({ readAt: null, revision: 3 });
    expect((await notifier.people.markUnread({ id: id(1), meta: meta() })).body.revision).toBe(3);
    expect(await codeOf(notifier.people.markUnread({ id: id(1), meta: meta({ ifMatch: 2 }) }))).toBe('REVISION_MISMATCH');
    expect(await codeOf(notifier.people.markUnread({ id: 'ntf_none', meta: meta() }))).toBe('NOTIFICATION_NOT_FOUND');
  });

  it('is shown as it is on disk, not as it is about to be', async () => {
    await notifier.tell('notify:progress');
    let release = (): void => undefined;
    disk.gate = new Promise((resolve) => { release = resolve; });

    const reading = notifier.people.markRead({ id: id(1), meta: meta() });

    expect(notifier.people.get(id(1)).readAt).toBeNull();
    release();
    await reading;
    expect(notifier.people.get(id(1)).readAt).not.toBeNull();
  });
});

describe('reading many', () => {
  const readMany = (body: Parameters<TestNotifier['people']['readMany']>[0]['body'], more = meta()) => notifier.people.readMany({ body, meta: more });

  it('marks what is unread and matches, up to one', async () => {
    await notifier.tell('notify:progress', 'notify:progress', 'notify:progress', 'notify:progress', 'notify:progress');
    await notifier.people.markRead({ id: id(1), meta: meta() });

    expect(await readMany({ upTo: id(3) })).toMatchObject({ status: 200, body: { read: 2 } });
    expect(seqs({ unread: true })).toEqual([4, 5]);
    expect((await readMany({ projectId: 'proj_2' })).body).toEqual({ read: 0 });
    expect((await readMany({ sessionId: 'sess_0' })).body).toEqual({ read: 1 });
    expect((await readMany({})).body).toEqual({ read: 1 });
    expect((await readMany({})).body).toEqual({ read: 0 });
    expect(notifier.people.get(id(1)).revision).toBe(2);
    expect(await codeOf(readMany({ upTo: 'ntf_none' }))).toBe('NOTIFICATION_NOT_FOUND');
  });

  it('answers a repeated key with the first answer, though more has come since', async () => {
    await notifier.tell('notify:progress');
    await readMany({}, withKey('k'));
    await notifier.tell('notify:progress');

    expect(await readMany({}, withKey('k'))).toMatchObject({ body: { read: 1 }, replayed: true });
    expect(seqs({ unread: true })).toEqual([2]);
  });

  it('takes an inbox that is far more than one commit', async () => {
    const data = { title: 't', message: '\u0001'.repeat(4_000) };
    const entries = Array.from({ length: 500 }, (_, n) => entryOf(n + 1, { data }));
    await notifier.inbox.add(entries, null, { logId: LOG_ID, seq: 500, cursor: `${LOG_ID}.500` });

    expect((await readMany({}, withKey('k'))).body).toEqual({ read: 500 });

    expect(seqs({ unread: true })).toEqual([]);
    await notifier.close();
    notifier = await TestNotifier.open({ dir, fs: disk.fs });
    expect([seqs({ unread: true }), (await readMany({}, withKey('k'))).replayed]).toEqual([[], true]);
  });

  it('leaves all as it was when the disk takes nothing', async () => {
    await notifier.tell('notify:progress', 'notify:progress');
    disk.failing = true;

    expect(await codeOf(readMany({}, withKey('k')))).toBe('STORAGE_FULL');
    disk.failing = false;

    expect(seqs({ unread: true })).toEqual([1, 2]);
    expect((await eventually(() => readMany({}, withKey('k')))).body).toEqual({ read: 2 });
  });
});
