import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { AppError } from '@orbitmesh/domain';
import type { MutationReply, Webhook } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { WEBHOOKS_MAX } from '../limits.js';
import { FlakyDisk } from '../testing/flaky-disk.js';
import { meta, TestNotifier, withKey } from '../testing/test-notifier.js';

const url = 'http://127.0.0.1:1/hook';
let dir: string;
let disk: FlakyDisk;
let notifier: TestNotifier;
beforeEach(async () => {
  [dir, disk] = [join(await mkdtemp(join(tmpdir(), 'om-webhooks-')), 'store'), new FlakyDisk()];
  notifier = await TestNotifier.open({ dir, fs: disk.fs });
});
afterEach(async () => {
  disk.failing = false;
  await notifier.close();
  await rm(dirname(dir), { recursive: true, force: true });
});
const restart = async () => {
  await notifier.close();
  notifier = await TestNotifier.open({ dir, fs: disk.fs });
};
const codeOf = (promise: Promise<unknown>) => promise.then(() => 'answered', (error: AppError) => error.code);
const thrown = (run: () => unknown) => { try { run(); return 'answered'; } catch (error) { return (error as AppError).code; } };

describe('a webhook', () => {
  it('is made with what was left out filled in, and reads the same from then on', async () => {
    const { status, body } = await notifier.webhooks.create({ body: { url }, meta: meta() });

    expect(status).toBe(201);
    expect(body).toEqual({
      id: expect.stringMatching(/^whk_[0-9A-HJKMNP-TV-Z]{26}$/), url, name: '127.0.0.1:1', types: ['notify:*'], projectId: null, active: true, secretVersion: 1,
      createdAt: '2026-01-01T12:00:00.000Z', updatedAt: '2026-01-01T12:00:00.000Z', revision: 1, lastDelivery: null,
    });
    expect(notifier.webhooks.get(body.id)).toEqual(body);
    await restart();
    expect(notifier.webhooks.get(body.id)).toEqual(body);
    expect(JSON.parse(await readFile(join(dir, 'webhooks', `${body.id}.json`), 'utf8'))).toEqual({ schemaVersion: 1, ...body });
  });

  it('is changed in part, by its revision; what changes nothing is no change', async () => {
    const { id } = await notifier.createWebhook({ url, name: 'a' });
    notifier.clock.advance(1_000);

    const { body } = await notifier.webhooks.update({ id, body: { name: 'b', types: ['notify:needs_input'], projectId: 'proj_1' }, meta: meta({ ifMatch: 1 }) });

    expect(body).toMatchObject({ url, name: 'b', types: ['notify:needs_input'], projectId: 'proj_1', revision: 2, updatedAt: '2026-01-01T12:00:01.000Z' });
    expect(await codeOf(notifier.webhooks.update({ id, body: { name: 'c' }, meta: meta({ ifMatch: 1 }) }))).toBe('REVISION_MISMATCH');
    expect((await notifier.webhooks.update({ id, body: { name: 'b' }, meta: meta() })).body.revision).toBe(2);
    expect((await notifier.webhooks.update({ id, body: { projectId: null }, meta: meta() })).body).toMatchObject({ projectId: null, revision: 3 });
  });

  it('is listed oldest first, in pages, by project', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 5; n += 1) ids.push((await notifier.createWebhook({ url, projectId: n % 2 ? 'proj_1' : null })).id);

    const page = notifier.webhooks.list({ limit: 3 });
    expect(page.items.map(({ id }) => id)).toEqual(ids.slice(0, 3));
    expect(notifier.webhooks.list({ limit: 3, cursor: page.nextCursor! })).toMatchObject({ items: [{ id: ids[3] }, { id: ids[4] }], nextCursor: null });
    expect(notifier.webhooks.list({ projectId: 'proj_1' }).items.map(({ id }) => id)).toEqual([ids[1], ids[3]]);
  });

  it('goes with its deliveries, and leaves no file', async () => {
    const [{ id }, other] = [await notifier.createWebhook({ url }), await notifier.createWebhook({ url })];
    await notifier.tell('notify:progress', 'notify:progress');

    expect(await notifier.webhooks.remove({ id, meta: meta() })).toMatchObject({ status: 204, body: null });

    expect(thrown(() => notifier.webhooks.get(id))).toBe('WEBHOOK_NOT_FOUND');
    expect(thrown(() => notifier.deliveries.list({ id }))).toBe('WEBHOOK_NOT_FOUND');
    expect(notifier.deliveriesOf(other.id).length).toBe(2);
    await eventually(() => notifier.store.health().dirtyDocuments === 0);
    expect([(await readdir(join(dir, 'webhooks'))).length, (await readdir(join(dir, 'deliveries'))).length]).toEqual([1, 2]);
  });

  it('is one of a bounded number', async () => {
    for (let n = 0; n < WEBHOOKS_MAX; n += 1) await notifier.createWebhook({ url });

    expect(await codeOf(notifier.createWebhook({ url }))).toBe('LIMIT_REACHED');
    await notifier.webhooks.remove({ id: notifier.webhooks.list({}).items[0].id, meta: meta() });
    expect(await codeOf(notifier.createWebhook({ url }))).toBe('answered');
  });

  it('that is not there is named so, whatever is asked of it', async () => {
    const { id } = await notifier.createWebhook({ url });
    const other = await notifier.createWebhook({ url });
    await notifier.tell('notify:progress');
    const deliveryId = notifier.deliveriesOf(other.id)[0].id;
    const none = { id: 'whk_none', meta: meta() };

    const { webhooks, deliveries } = notifier;
    for (const asked of [webhooks.update({ ...none, body: {} }), webhooks.remove(none), webhooks.rotateSecret(none), deliveries.test(none), deliveries.retry({ ...none, deliveryId })]) {
      expect(await codeOf(asked)).toBe('WEBHOOK_NOT_FOUND');
    }
    expect(thrown(() => webhooks.secret('whk_none'))).toBe('WEBHOOK_NOT_FOUND');
    expect(thrown(() => deliveries.get({ id, deliveryId }))).toBe('DELIVERY_NOT_FOUND');
    expect(await codeOf(deliveries.retry({ id, deliveryId, meta: meta() }))).toBe('DELIVERY_NOT_FOUND');
    for (const bad of ['../x', '', 'a\0b']) {
      expect(await codeOf(webhooks.remove({ id: bad, meta: meta() }))).toBe('VALIDATION_FAILED');
      expect(thrown(() => deliveries.get({ id, deliveryId: bad }))).toBe('VALIDATION_FAILED');
    }
  });
});

describe('a repeated request', () => {
  it('of a hundred at once, and after a restart, makes one webhook and gets one answer', async () => {
    const body = { url, name: 'once' };
    const answers = await Promise.all(Array.from({ length: 100 }, () => notifier.webhooks.create({ body, meta: withKey('k1') })));
    await restart();
    answers.push(await notifier.webhooks.create({ body, meta: withKey('k1') }));

    expect(notifier.webhooks.list({}).items.length).toBe(1);
    expect(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body, answer.cursor]))).size).toBe(1);
    expect(answers.filter(({ replayed }) => replayed !== true).length).toBe(1);
    expect(await codeOf(notifier.webhooks.create({ body, meta: withKey('k1', 'other body') }))).toBe('IDEMPOTENCY_KEY_REUSED');
  });

  it('rotates, tests and deletes once', async () => {
    const { id } = await notifier.createWebhook({ url });
    const twice = async <T>(run: () => Promise<MutationReply<T>>) => [await run(), await run()];

    expect((await twice(() => notifier.webhooks.rotateSecret({ id, meta: withKey('rotate') }))).map(({ body }) => body.secretVersion)).toEqual([2, 2]);
    const [a, b] = await twice(() => notifier.deliveries.test({ id, meta: withKey('test') }));
    expect([a.body.id === b.body.id, notifier.deliveriesOf(id).length, b.replayed]).toEqual([true, 1, true]);
    expect((await twice(() => notifier.webhooks.remove({ id, meta: withKey('delete') }))).map(({ status }) => status)).toEqual([204, 204]);
  });

  it('that could not be written is tried anew', async () => {
    disk.failing = true;
    const body = { url };
    expect(await Promise.all([codeOf(notifier.webhooks.create({ body, meta: withKey('k') })), codeOf(notifier.webhooks.create({ body, meta: withKey('k') }))])).toEqual(['STORAGE_FULL', 'STORAGE_FULL']);
    disk.failing = false;

    const made = await eventually<MutationReply<Webhook>>(() => notifier.webhooks.create({ body, meta: withKey('k') }));

    expect(made.replayed).toBeUndefined();
    expect(notifier.webhooks.list({}).items).toEqual([made.body]);
  });
});

describe('a refusal', () => {
  it('is told only when what it rests on is on disk', async () => {
    const { id } = await notifier.createWebhook({ url });
    let release = (): void => undefined;
    disk.gate = new Promise((resolve) => { release = resolve; });

    const removing = notifier.webhooks.remove({ id, meta: meta() });
    const refused = codeOf(notifier.webhooks.update({ id, body: { name: 'x' }, meta: meta() }));
    disk.failing = true;
    release();

    // The removal failed, so "not found" would have been untrue.
    expect(await codeOf(removing)).toBe('STORAGE_FULL');
    expect(await refused).toBe('STORAGE_FULL');
    expect(notifier.webhooks.get(id).id).toBe(id);
  });

  it('is what an agent gets', async () => {
    const agent = meta({ actor: { kind: 'agent', sessionId: 'sess_1' } });
    expect(await codeOf(notifier.webhooks.create({ body: { url }, meta: agent }))).toBe('FORBIDDEN');
    await notifier.tell('notify:progress');
    expect(await codeOf(notifier.people.readMany({ body: {}, meta: agent }))).toBe('FORBIDDEN');
  });
});

describe('the secret', () => {
  it('changes when it is rotated, and is in no file, answer or delivery', async () => {
    const { id } = (await notifier.webhooks.create({ body: { url }, meta: withKey('create') })).body;
    const before = notifier.webhooks.secret(id).secret;
    await notifier.webhooks.rotateSecret({ id, meta: withKey('rotate') });
    await notifier.deliveries.test({ id, meta: withKey('test') });
    const after = notifier.webhooks.secret(id).secret;
    await restart();

    expect(before).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(after).not.toBe(before);
    expect(notifier.webhooks.secret(id).secret).toBe(after);
    const names = await readdir(dir, { recursive: true, withFileTypes: true });
    const texts = await Promise.all(names.filter((name) => name.isFile() && name.name !== 'webhook.key').map((name) => readFile(join(name.parentPath, name.name), 'utf8')));
    expect(texts.length).toBeGreaterThan(3);
    for (const secret of [before, after]) {
      const bytes = Buffer.from(secret.slice('whsec_'.length), 'base64');
      for (const form of [secret.slice('whsec_'.length), bytes.toString('hex'), bytes.toString('base64url'), 'whsec_']) expect(texts.some((text) => text.includes(form))).toBe(false);
    }
  });
});

describe('a delivery', () => {
  it('is listed by state, in pages, and read by its id', async () => {
    const { id } = await notifier.createWebhook({ url });
    await notifier.tell('notify:progress', 'notify:progress', 'notify:progress');
    const [first] = notifier.deliveriesOf(id);

    expect(notifier.deliveries.get({ id, deliveryId: first.id })).toEqual(first);
    const page = notifier.deliveries.list({ id, state: 'pending', limit: 2 });
    expect(notifier.deliveries.list({ id, state: 'pending', limit: 2, cursor: page.nextCursor! }).items.length).toBe(1);
    expect(notifier.deliveries.list({ id, state: 'parked' })).toEqual({ items: [], nextCursor: null });
  });

  it('cannot be tested or begun anew while its webhook is inactive, nor sent again once it was taken', async () => {
    const { id } = await notifier.createWebhook({ url });
    await notifier.tell('notify:progress', 'notify:progress');
    const [a, b] = notifier.deliveriesOf(id);
    await notifier.store.commit({ puts: [['parked', a], ['delivered', b]].map(([state, one]) => ({ collection: 'deliveries', id: (one as typeof a).id, doc: { ...(one as typeof a), state } })) });
    await notifier.webhooks.update({ id, body: { active: false }, meta: meta() });

    expect(await codeOf(notifier.deliveries.test({ id, meta: meta() }))).toBe('CONFLICT');
    expect(await codeOf(notifier.deliveries.retry({ id, deliveryId: a.id, meta: meta() }))).toBe('CONFLICT');
    await notifier.webhooks.update({ id, body: { active: true }, meta: meta() });
    expect(await codeOf(notifier.deliveries.retry({ id, deliveryId: b.id, meta: meta() }))).toBe('CONFLICT');
    expect(await codeOf(notifier.deliveries.retry({ id, deliveryId: a.id, meta: meta({ ifMatch: 7 }) }))).toBe('REVISION_MISMATCH');
    expect((await notifier.deliveries.retry({ id, deliveryId: a.id, meta: meta({ ifMatch: 1 }) })).body).toMatchObject({ state: 'pending', attempts: 0, revision: 2 });
  });
});
