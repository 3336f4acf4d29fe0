import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { AppError } from '@orbitmesh/domain';
import { NotifierRpc, type CommandMeta } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { loadInstallation } from '@orbitmesh/service-kit';
import { eventually, inFull, startNats, type TestNats } from '@orbitmesh/testing';
import { Receiver } from './testing/receiver.js';
import { ScriptedFeed } from './testing/scripted-feed.js';

// Real servers and processes on a machine that may be busy.
jest.setTimeout(30_000);

const ROOT = new URL('../../../', import.meta.url);
/** As the launcher starts it. */
const { entryOf } = await import(new URL('tools/lib/bundle.mjs', ROOT).href) as { entryOf(root: string, app: string): string };
const ENTRY = entryOf(fileURLToPath(ROOT), 'notifier');

let nats: TestNats;
let home: string;
let bus: Bus;
let feed: ScriptedFeed;
const children = new Set<ChildProcess>();

beforeAll(async () => { nats = await startNats(); });
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'om-notifier-'));
  const { installationId } = await loadInstallation(home);
  bus = await Bus.connect({ url: nats.url, installationId, name: 'spec' });
  feed = new ScriptedFeed(bus);
});
afterEach(async () => {
  for (const child of children) await end(child, 'SIGKILL');
  await bus.drain(200);
  await rm(home, { recursive: true, force: true });
});
afterAll(async () => { await nats.stop(); });

function launch(): ChildProcess {
  const child = fork(ENTRY, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { PATH: process.env.PATH, ORBITMESH_HOME: home, ORBITMESH_NATS_URL: nats.url } });
  children.add(child);
  return child;
}
async function ready(child: ChildProcess): Promise<ChildProcess> {
  const [message] = await once(child, 'message') as [{ type: string }];
  expect(message).toMatchObject({ type: 'ready' });
  return child;
}
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = once(child, 'exit');
  child.kill(signal);
  return (await gone as [number | null])[0];
}
async function allSeqs(): Promise<number[]> {
  const seqs: number[] = [];
  let cursor: string | undefined;
  do {
    const page = await bus.request(NotifierRpc.list, { cursor, limit: 200 });
    seqs.push(...page.items.map((entry) => entry.seq));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return seqs;
}
const hasAll = () => eventually(async () => JSON.stringify(await allSeqs()) === JSON.stringify(feed.notifying), { what: 'every notification once', timeoutMs: 20_000 });
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'answered', (error: AppError) => error.code);
const meta = (more: Partial<CommandMeta> = {}): CommandMeta => ({ actor: { kind: 'admin' }, traceId: 't', ...more });
const withKey = (key: string, bodyHash = 'h') => meta({ idempotency: { scope: 'tok POST /read', key, bodyHash } });

describe('the notifier\'s process', () => {
  inFull('killed at random moments of a busy feed has every notification exactly once, and what was read stays read', async () => {
    await feed.serve();
    const read = new Set<string>();
    // However slow the machine: fewer than the inbox holds.
    const writing = setInterval(() => { if (feed.head < 6_000) feed.say('output', 'notify:progress', 'notify:needs_input'); }, 3);
    const beacons = setInterval(() => feed.beacon(), 50);
    for (let round = 0; round < 5; round += 1) {
      const child = await ready(launch());
      const soon = performance.now() + Math.random() * 150;
      const { items } = await bus.request(NotifierRpc.list, { unread: true, limit: 3 });
      for (const { id } of items) {
        await bus.request(NotifierRpc.markRead, { id, meta: meta() });
        read.add(id);
      }
      await eventually(() => performance.now() > soon);
      await end(child, 'SIGKILL');
    }
    clearInterval(writing);
    clearInterval(beacons);

    await ready(launch());

    await hasAll();
    expect(feed.notifying.length).toBeGreaterThan(100);
    for (const id of read) expect((await bus.request(NotifierRpc.get, { id })).readAt).not.toBeNull();
    // The file is written behind the log, a while later when only the place changed.
    const position = await eventually(async () => JSON.parse(await readFile(join(home, 'notifier', 'position.json'), 'utf8')) as { jumpCount: number });
    expect(position.jumpCount).toBe(0);
  }, 60_000);

  inFull('killed at random moments gets every notification out to the webhooks that want it, each under one id', async () => {
    await feed.serve();
    const receivers = [await Receiver.start(), await Receiver.start()];
    let child = await ready(launch());
    for (const receiver of receivers) await bus.request(NotifierRpc.createWebhook, { body: { url: receiver.url, projectId: 'proj_1' }, meta: meta() });
    let events = 0;
    const writing = setInterval(() => { if (feed.head < events) feed.say('output', 'notify:progress', 'notify:needs_input'); }, 5);
    for (let round = 0; round < 5; round += 1) {
      // Far fewer than may wait for one webhook.
      events += 90;
      const [seen, soon] = [receivers[0].received.length, performance.now() + Math.random() * 150];
      await eventually(() => receivers[0].received.length > seen && performance.now() > soon, { timeoutMs: 20_000 });
      await end(child, 'SIGKILL');
      child = await ready(launch());
    }
    clearInterval(writing);

    for (const receiver of receivers) {
      await eventually(() => new Set(receiver.seqs).size === feed.notifying.length, { what: 'everything at its receiver', timeoutMs: 30_000 });
      expect([...new Set(receiver.seqs)].sort((a, b) => a! - b!)).toEqual(feed.notifying);
      // One id an event: repeats are told by it.
      expect(new Set(receiver.received.map(({ payload }) => payload.id)).size).toBe(feed.notifying.length);
      expect(receiver.openMax).toBe(1);
    }
    await hasAll();
    const { webhooks } = (await bus.request(NotifierRpc.health, {})).details as { webhooks: Record<string, unknown> };
    expect(webhooks).toMatchObject({ ok: true, webhooks: 2, parked: 0 });
    for (const receiver of receivers) await receiver.stop();
  }, 90_000);

  it('starts and stops without session-service, leaves its files to their owner, and refuses a second one', async () => {
    const child = await ready(launch());
    const health = await bus.request(NotifierRpc.health, {});
    expect(health).toMatchObject({ ok: true, service: 'notifier', pid: child.pid, details: { store: { writable: true }, inbox: { entries: 0 }, webhooks: { webhooks: 0, pending: 0, inFlight: 0, sinceStart: { delivered: 0, parked: 0 } }, feed: { cursor: null, lag: null } } });

    const [refusal] = await once(launch(), 'message') as [{ type: string; code: string; message: string }];
    expect(refusal).toMatchObject({ type: 'failed', code: 'STORAGE_LOCKED', message: expect.stringContaining(String(child.pid)) });

    expect(await end(child, 'SIGTERM')).toBe(0);
    expect(((await stat(join(home, 'notifier'))).mode & 0o777).toString(8)).toBe('700');
    expect(((await stat(join(home, 'notifier', 'webhook.key'))).mode & 0o777).toString(8)).toBe('600');
  });
});

describe('the inbox', () => {
  beforeEach(async () => {
    await feed.serve();
    await ready(launch());
    feed.say('notify:progress', 'notify:needs_input', 'notify:session_completed', 'notify:progress');
    await hasAll();
  });

  it('lists oldest first, in pages, by session, project and unread', async () => {
    const first = await bus.request(NotifierRpc.list, { limit: 3 });
    const rest = await bus.request(NotifierRpc.list, { limit: 3, cursor: first.nextCursor ?? '' });
    expect([...first.items, ...rest.items].map((entry) => entry.seq)).toEqual([1, 2, 3, 4]);
    expect(rest.nextCursor).toBeNull();

    await bus.request(NotifierRpc.markRead, { id: first.items[0].id, meta: meta() });
    expect((await bus.request(NotifierRpc.list, { unread: true })).items.map((entry) => entry.seq)).toEqual([2, 3, 4]);
    expect((await bus.request(NotifierRpc.list, { unread: true, sessionId: 'sess_1' })).items.map((entry) => entry.seq)).toEqual([3]);
    expect((await bus.request(NotifierRpc.list, { projectId: 'proj_2' })).items).toEqual([]);
  });

  it('marks read once: a second time changes nothing, a wrong revision is refused', async () => {
    const { id } = (await bus.request(NotifierRpc.list, {})).items[0];

    const done = await bus.request(NotifierRpc.markRead, { id, meta: meta({ ifMatch: 1 }) });
    expect(done).toMatchObject({ status: 200, cursor: `${feed.logId}.4`, body: { id, revision: 2, readAt: expect.any(String) } });
    expect(await bus.request(NotifierRpc.markRead, { id, meta: meta() })).toEqual(done);
    expect(await codeOf(bus.request(NotifierRpc.markRead, { id, meta: meta({ ifMatch: 1 }) }))).toBe('REVISION_MISMATCH');
  });

  it('answers a repeated Idempotency-Key with the first answer, however many come at once, and refuses it with another body', async () => {
    const { id } = (await bus.request(NotifierRpc.list, {})).items[1];

    const answers = await Promise.all(Array.from({ length: 20 }, () => bus.request(NotifierRpc.markRead, { id, meta: withKey('k1') })));

    expect(answers.filter((answer) => answer.replayed !== true).length).toBe(1);
    expect(new Set(answers.map((answer) => JSON.stringify(answer.body))).size).toBe(1);
    expect(await codeOf(bus.request(NotifierRpc.markRead, { id, meta: withKey('k1', 'other') }))).toBe('IDEMPOTENCY_KEY_REUSED');
    await bus.request(NotifierRpc.markRead, { id, meta: withKey('k2') });
    expect((await bus.request(NotifierRpc.markRead, { id, meta: withKey('k2') })).replayed).toBe(true);
  });

  it('refuses ids that are none, and names what is missing', async () => {
    for (const id of ['../position', 'a/b', '', 'x'.repeat(65), 'a\0b']) {
      expect(await codeOf(bus.request(NotifierRpc.get, { id }))).toBe('VALIDATION_FAILED');
      expect(await codeOf(bus.request(NotifierRpc.markRead, { id, meta: meta() }))).toBe('VALIDATION_FAILED');
    }
    expect(await codeOf(bus.request(NotifierRpc.get, { id: 'ntf_none' }))).toBe('NOTIFICATION_NOT_FOUND');
    expect(await codeOf(bus.request(NotifierRpc.markRead, { id: 'ntf_none', meta: meta() }))).toBe('NOTIFICATION_NOT_FOUND');
    expect(await codeOf(bus.request(NotifierRpc.list, { cursor: '../x' }))).toBe('VALIDATION_FAILED');
  });
});

describe('webhooks', () => {
  it('answer everything that is asked of them over NATS', async () => {
    const receiver = await Receiver.start();
    await ready(launch());
    const { body: { id }, status } = await bus.request(NotifierRpc.createWebhook, { body: { url: receiver.url }, meta: withKey('k1') });
    expect([status, (await bus.request(NotifierRpc.listWebhooks, {})).items.length]).toEqual([201, 1]);

    const sent = (await bus.request(NotifierRpc.testWebhook, { id, meta: meta() })).body;
    await eventually(async () => (await bus.request(NotifierRpc.getDelivery, { id, deliveryId: sent.id })).state === 'delivered');
    expect((await bus.request(NotifierRpc.listDeliveries, { id, state: 'delivered' })).items.length).toBe(1);
    expect(await codeOf(bus.request(NotifierRpc.retryDelivery, { id, deliveryId: sent.id, meta: meta() }))).toBe('CONFLICT');
    const { secret } = await bus.request(NotifierRpc.webhookSecret, { id });
    await bus.request(NotifierRpc.rotateWebhookSecret, { id, meta: meta() });
    expect((await bus.request(NotifierRpc.webhookSecret, { id })).secret).not.toBe(secret);
    expect((await bus.request(NotifierRpc.updateWebhook, { id, body: { active: false }, meta: meta({ ifMatch: 2 }) })).body).toMatchObject({ active: false, lastDelivery: { status: 204 } });
    expect((await bus.request(NotifierRpc.deleteWebhook, { id, meta: meta() })).status).toBe(204);
    expect(await codeOf(bus.request(NotifierRpc.getWebhook, { id }))).toBe('WEBHOOK_NOT_FOUND');
    await receiver.stop();
  });
});
