import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Bus } from '@orbitmesh/messaging';
import { createLogger } from '@orbitmesh/service-kit';
import type { StorageFs } from '@orbitmesh/storage';
import { eventually, startNats, type TestNats } from '@orbitmesh/testing';
import { FlakyDisk } from '../testing/flaky-disk.js';
import { ScriptedFeed } from '../testing/scripted-feed.js';
import { TestNotifier } from '../testing/test-notifier.js';
import { FeedFollower } from './feed.follower.js';

// Real servers and processes on a machine that may be busy.
jest.setTimeout(30_000);

let nats: TestNats;
let dir: string;
let sessionBus: Bus;
let ownBus: Bus;
let feed: ScriptedFeed;
let notifier: TestNotifier;
let inbox: TestNotifier['inbox'];
let follower: FeedFollower;
/** What a test holds back, let go at its end whatever became of it. */
let letGo: (() => void)[];
const logger = createLogger({ service: 'spec', level: 'silent' });
const connect = (name: string) => Bus.connect({ url: nats.url, installationId: 'in_test', name });

beforeAll(async () => { nats = await startNats(); });
beforeEach(async () => {
  dir = join(await mkdtemp(join(tmpdir(), 'om-notifier-')), 'store');
  [sessionBus, ownBus] = await Promise.all([connect('session-service'), connect('notifier')]);
  feed = new ScriptedFeed(sessionBus);
  letGo = [];
});
afterEach(async () => {
  for (const go of letGo) go();
  await stop();
  await Promise.all([sessionBus.drain(200), ownBus.drain(200)]);
  await rm(dirname(dir), { recursive: true, force: true });
});
afterAll(async () => { await nats.stop(); });

async function start(options: { fs?: StorageFs; entriesMax?: number } = {}): Promise<void> {
  notifier = await TestNotifier.open({ dir, ...options });
  ({ inbox } = notifier);
  follower = new FeedFollower(ownBus, inbox, logger);
  follower.onApplicationBootstrap();
  await ownBus.flush();
}
async function stop(): Promise<void> {
  await follower.onModuleDestroy();
  await notifier.close();
}
const seqs = () => inbox.entries().map((entry) => entry.seq);
/** No page is being read: from here on only messages tell the follower anything. */
const idle = async () => { await eventually(() => follower.state().paging === false, { what: 'an idle follower' }); };
const caughtUp = () => eventually(() => JSON.stringify(seqs()) === JSON.stringify(feed.notifying), { what: `${feed.notifying.length} entries` });

describe('the feed', () => {
  it('is read from the oldest event at the first start, and then live; only notify events become entries', async () => {
    feed.append('output', 'notify:progress', 'status_change', 'notify:session_completed');
    await feed.serve();
    await start();
    await caughtUp();
    await idle();
    const asked = feed.pagesAsked;

    for (let i = 0; i < 50; i += 1) feed.say('output', i % 5 === 0 ? 'notify:needs_input' : 'metric');

    await caughtUp();
    expect(feed.pagesAsked).toBe(asked);
    expect(inbox.entries()[0]).toEqual({
      id: expect.stringMatching(/^ntf_[0-9A-HJKMNP-TV-Z]{26}$/), eventId: 'evt_2', seq: 2, type: 'notify:progress', timestamp: feed.events[1].timestamp,
      projectId: 'proj_1', sessionId: 'sess_0', data: { title: 'title 2', message: 'message 2' }, readAt: null, revision: 1,
    });
  });

  it('may repeat messages: each event makes one entry', async () => {
    feed.append('output');
    await feed.serve();
    await start();
    await idle();
    const asked = feed.pagesAsked;
    const [a, b] = [feed.append('notify:progress', 'notify:progress'), feed.append('notify:task_blocked')];

    for (const message of [a, a, b, a, [...a, ...b], b]) feed.tell(message);
    feed.say('notify:task_completed');

    await caughtUp();
    await idle();
    expect(seqs()).toEqual([2, 3, 4, 5]);
    expect(feed.pagesAsked).toBe(asked);
    expect(follower.state()).toMatchObject({ cursor: 'in_test-1.5', retries: 0 });
  });

  it('may lose messages in the middle: a page fills the gap', async () => {
    feed.append('output');
    await feed.serve();
    await start();
    await idle();
    feed.say('notify:progress');
    feed.append('notify:progress', 'output');
    feed.append('notify:needs_input');
    feed.say('notify:progress');

    await caughtUp();
    expect(seqs()).toEqual([2, 3, 5, 6]);
  });

  it('may lose its last message: the head tells', async () => {
    await feed.serve();
    await start();
    feed.say('notify:progress');
    await caughtUp();
    await idle();
    feed.append('notify:session_failed');

    feed.beacon();

    await caughtUp();
    await eventually(() => follower.state().lag === 0);
  });

  it('is read in pages however long it is, while it grows', async () => {
    for (let i = 0; i < 500; i += 1) feed.append('notify:progress', 'output');
    await feed.serve();
    await start();
    for (let i = 0; i < 100; i += 1) feed.say('notify:progress');

    await caughtUp();
    expect(seqs().length).toBe(600);
  });
});

describe('when session-service is away', () => {
  it('the notifier waits, visibly, and catches up when it comes', async () => {
    feed.append('notify:progress');
    await start();
    await eventually(() => Number(follower.state().retries) >= 2);
    expect(follower.state()).toMatchObject({ lastError: 'UNAVAILABLE', cursor: null });

    await feed.serve();

    await caughtUp();
    await eventually(() => follower.state().lastError === null);
  });

  it('the notifier stops without waiting for a page that nobody answers', async () => {
    feed.hold = new Promise((resolve) => { letGo.push(resolve); });
    await feed.serve();
    await start();
    await eventually(() => feed.pagesAsked > 0);

    await stop();
    expect(ownBus.health()).toMatchObject({ requestsInFlight: 1 });
  });

  it('and when NATS is, it goes on right after the reconnect', async () => {
    await feed.serve();
    await start();
    feed.say('notify:progress');
    await caughtUp();

    await nats.kill();
    await eventually(() => !ownBus.connected && !sessionBus.connected);
    feed.append('notify:progress', 'notify:progress');
    await nats.restart();
    const up = performance.now();

    await caughtUp();
    expect(performance.now() - up).toBeLessThan(1_500);
  });
});

describe('a restart', () => {
  it('goes on where it was, reads nothing twice, and keeps read state', async () => {
    await feed.serve();
    await start();
    feed.say('notify:progress', 'notify:needs_input', 'output');
    await caughtUp();
    const [first] = inbox.entries();
    await notifier.putEntry({ ...first, readAt: '2026-01-01T00:00:00.000Z', revision: 2 });
    await eventually(() => follower.state().cursor === 'in_test-1.3');
    await stop();

    feed.append('notify:session_completed');
    await start();

    expect(inbox.position().place).toEqual({ logId: 'in_test-1', seq: 3, cursor: 'in_test-1.3' });
    await caughtUp();
    expect(inbox.get(first.id)).toMatchObject({ readAt: '2026-01-01T00:00:00.000Z', revision: 2 });
    expect(inbox.position().jumpCount).toBe(0);
  });

  it('leaves documents that people can read: one file an entry, and the position', async () => {
    await feed.serve();
    await start();
    feed.say('notify:progress');
    await caughtUp();
    const [{ id }] = inbox.entries();
    await stop();

    expect((await readdir(join(dir, 'inbox')))).toEqual([`${id}.json`]);
    expect(JSON.parse(await readFile(join(dir, 'inbox', `${id}.json`), 'utf8'))).toMatchObject({ schemaVersion: 1, id, seq: 1, readAt: null });
    expect(JSON.parse(await readFile(join(dir, 'position.json'), 'utf8'))).toMatchObject({ place: { cursor: 'in_test-1.1' }, jumps: [] });
    await start();
  });

  it('after events were compacted away goes on from the oldest, and says that there is a hole', async () => {
    await feed.serve();
    await start();
    feed.say('notify:progress');
    await caughtUp();
    await stop();
    feed.append('notify:progress', 'notify:progress', 'notify:progress');
    feed.compact(3);

    await start();

    await eventually(() => seqs().includes(4));
    expect(seqs()).toEqual([1, 4]);
    expect(inbox.position()).toMatchObject({ jumpCount: 1, jumps: [{ reason: 'CURSOR_GONE', from: { seq: 1 }, oldest: 'in_test-1.4', newest: 'in_test-1.4' }] });
  });

  it('of the log itself makes entries of its own, also live', async () => {
    await feed.serve();
    await start();
    feed.say('notify:progress', 'notify:progress');
    await caughtUp();

    feed.restartLog('in_test-2');
    feed.say('notify:needs_input');

    await eventually(() => seqs().length === 3);
    expect(new Set(inbox.entries().map((entry) => entry.id)).size).toBe(3);
    expect(inbox.position()).toMatchObject({ place: { cursor: 'in_test-2.1' }, jumpCount: 1 });
  });
});

describe('after a restore', () => {
  it('the feed goes on where it was: nothing comes twice and nothing is missing', async () => {
    await feed.serve();
    await start();
    feed.say('notify:progress', 'notify:progress');
    await caughtUp();
    await stop();

    feed.append('notify:progress');
    feed.restore('in_test-2', 3);
    feed.append('notify:needs_input');
    await start();
    await caughtUp();

    expect(seqs()).toEqual([1, 2, 3, 4]);
    expect(inbox.position()).toMatchObject({ jumpCount: 0, place: { logId: 'in_test-2', cursor: 'in_test-2.4' } });
  });

  it('the other name is taken where there is nothing to read, and then messages are followed live', async () => {
    await feed.serve();
    await start();
    feed.say('notify:progress');
    await caughtUp();

    feed.restore('in_test-2', 1);
    await eventually(() => { feed.beacon(); return follower.state().cursor === 'in_test-2.1'; }, { what: 'the new name' });
    await idle();
    const asked = feed.pagesAsked;
    feed.say('notify:progress');
    await caughtUp();

    expect(feed.pagesAsked).toBe(asked);
    expect(inbox.position().jumpCount).toBe(0);
  });

  it('a place beyond the backup is a jump, also when the numbers have come there again', async () => {
    await feed.serve();
    await start();
    feed.say('notify:progress', 'notify:progress', 'notify:progress');
    await caughtUp();
    await stop();

    feed.restore('in_test-2', 1);
    feed.append('notify:progress', 'notify:progress', 'notify:progress');
    await start();

    await eventually(() => seqs().includes(4));
    expect(inbox.position()).toMatchObject({ jumpCount: 1, jumps: [{ reason: 'CURSOR_GONE', from: { cursor: 'in_test-1.3' } }] });
  });
});

describe('when the disk fails', () => {
  it('nothing is lost and nothing comes twice, however many messages were on their way', async () => {
    const disk = new FlakyDisk();
    await feed.serve();
    await start({ fs: disk.fs });
    feed.say('notify:progress');
    await caughtUp();
    await idle();

    disk.failing = true;
    for (let i = 0; i < 20; i += 1) feed.say('notify:progress', 'output');
    await eventually(() => Number(follower.state().retries) >= 3);
    expect(seqs()).toEqual([1]);
    disk.failing = false;
    feed.say('notify:progress');

    await caughtUp();
    expect(inbox.position().place?.seq).toBe(feed.head);
  });

  it('a page that was asked for from a position which a failed write took back is not taken', async () => {
    const disk = new FlakyDisk();
    await feed.serve();
    await start({ fs: disk.fs });
    feed.say('notify:progress');
    await caughtUp();
    await idle();
    // Quiet: nothing but the write below is waiting for the disk.
    await eventually(() => notifier.store.health().dirtyDocuments === 0);
    disk.gate = new Promise((resolve) => { letGo.push(resolve); });
    feed.hold = new Promise((resolve) => { letGo.push(resolve); });
    const [failDisk, answerPage] = letGo;
    const [syncs, asked] = [disk.syncs, feed.pagesAsked];

    feed.say('notify:needs_input');
    await eventually(() => disk.syncs > syncs);
    feed.append('notify:session_failed');
    feed.beacon();
    await eventually(() => feed.pagesAsked > asked);
    disk.failing = true;
    failDisk();
    await eventually(() => Number(follower.state().retries) > 0);
    disk.failing = false;
    answerPage();

    await caughtUp();
    expect(seqs()).toEqual([1, 2, 3]);
  });
});

describe('the bound of the inbox', () => {
  it('drops the oldest read entries, then the oldest unread, and counts both', async () => {
    await feed.serve();
    await start({ entriesMax: 10 });
    feed.say(...Array.from({ length: 10 }, () => 'notify:progress'));
    await caughtUp();
    for (const entry of inbox.entries().filter((e) => e.seq >= 3 && e.seq <= 5)) await notifier.putEntry({ ...entry, readAt: entry.timestamp });

    feed.say('notify:needs_input');
    await eventually(() => seqs().includes(11));
    // One to make room, one more (a tenth) so that the next does not search again.
    expect(seqs()).toEqual([1, 2, 5, 6, 7, 8, 9, 10, 11]);
    feed.say('notify:needs_input', 'notify:needs_input', 'notify:needs_input', 'notify:needs_input');
    await eventually(() => seqs().includes(15));

    expect(seqs()).toEqual([6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
    expect(inbox.durablePosition()).toMatchObject({ droppedRead: 3, droppedUnread: 2 });
  });
});
