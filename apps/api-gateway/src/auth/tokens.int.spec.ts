import { randomUUID } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { MadeToken } from '@orbitmesh/contracts';
import { createLogger } from '@orbitmesh/service-kit';
import { eventually } from '@orbitmesh/testing';
import { GatewayConfig } from '../gateway.config.js';
import { USER_TOKENS_MAX } from '../limits.js';
import { LiveClients } from '../live/live-clients.js';
import { Listener } from '../testing/listener.js';
import { StreamReader } from '../testing/stream-reader.js';
import { TestGateway, type Answer } from '../testing/test-gateway.js';
import { TokenStore } from './token.store.js';

let gateway: TestGateway;
let other: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start();
  other = await TestGateway.start({ home: gateway.home, nats: gateway.nats, installationId: 'in_other' });
});
afterAll(async () => {
  Listener.terminateAll();
  await other.stop();
  await gateway.stop();
});

const dir = () => join(gateway.home, 'api-gateway');
const adminFile = () => join(dir(), 'admin.token');
const made = async (body: object = {}): Promise<MadeToken> => (await gateway.send('POST', '/api/tokens', { body: { name: 'Ann', ...body } })).body as unknown as MadeToken;
const statusOf = async (token: string, at = gateway, method = 'GET') => (await at.send(method, method === 'GET' ? '/api/runners' : '/api/tasks/task_1', { token, ...(method !== 'GET' && { body: {} }) })).status;
const code = ({ status, body }: Answer) => `${status} ${String(body['code'])}`;

describe('a user token', () => {
  it('is told once, kept as its hash, and lets in until it is revoked', async () => {
    const answer = await gateway.send('POST', '/api/tokens', { body: { name: 'Ann' } });
    const { token, ...shown } = answer.body as unknown as MadeToken;

    expect(answer).toMatchObject({ status: 201, headers: { location: `/api/tokens/${shown.id}`, 'cache-control': 'no-store' } });
    expect(token).toMatch(/^omu_[A-Za-z0-9_-]{43}$/);
    expect(shown).toEqual({ id: expect.stringMatching(/^tok_[0-9A-HJKMNP-TV-Z]{26}$/), name: 'Ann', scopes: ['read', 'write'], createdAt: expect.any(String), expiresAt: null });
    expect((await gateway.send('GET', `/api/tokens/${shown.id}`)).body).toEqual(shown);
    expect(await statusOf(token)).toBe(200);
    for (const name of await readdir(join(dir(), 'tokens'))) {
      expect((await stat(join(dir(), 'tokens', name))).mode & 0o777).toBe(0o600);
      expect(await readFile(join(dir(), 'tokens', name), 'utf8')).not.toContain(token.slice(4));
    }
    expect((await gateway.send('DELETE', `/api/tokens/${shown.id}`)).status).toBe(204);
    expect([await statusOf(token), await statusOf(token, other)]).toEqual([401, 401]);
    expect(code(await gateway.send('DELETE', `/api/tokens/${shown.id}`))).toBe('404 TOKEN_NOT_FOUND');
    expect(code(await gateway.send('GET', `/api/tokens/${shown.id}`))).toBe('404 TOKEN_NOT_FOUND');
  });

  it.each([[['read'], 200, 403, 'open'], [['write'], 403, 200, 'refused'], [['write', 'read'], 200, 200, 'open']])('of scope %j looks (%i) and changes (%i)', async (scopes, looks, changes, feed) => {
    const { token } = await made({ scopes });
    const ticket = await gateway.send('POST', '/api/tickets', { token });

    expect([await statusOf(token), await statusOf(token, gateway, 'PATCH'), ticket.status === 201 ? 'open' : 'refused']).toEqual([looks, changes, feed]);
    await (feed === 'open' ? Listener.subscribed(gateway, {}, undefined, token) : expect(Listener.connect(gateway, token)).rejects.toThrow('403'));
  });

  it('made by hand without scopes has both', async () => {
    const { id, token } = await made({ scopes: ['read'] });
    const file = await fileOf(id);
    const { scopes: _scopes, ...rest } = JSON.parse(await readFile(file, 'utf8')) as Record<string, unknown>;
    await writeFile(file, JSON.stringify(rest));

    expect(await statusOf(token, gateway, 'PATCH')).toBe(200);
    await writeFile(file, JSON.stringify({ ...rest, scopes: ['everything'] }));
    expect(await statusOf(token)).toBe(401);
  });

  it('is refused from when it expires', async () => {
    const { id, token } = await made({ expiresAt: new Date(Date.now() + 60_000).toISOString() });
    const listener = await Listener.subscribed(gateway, {}, undefined, token);
    expect(await statusOf(token)).toBe(200);
    const file = await fileOf(id);
    await writeFile(file, JSON.stringify({ ...JSON.parse(await readFile(file, 'utf8')) as object, expiresAt: new Date().toISOString() }));

    expect([await statusOf(token), await statusOf(token, other)]).toEqual([401, 401]);
    expect((await eventually(() => listener.closed)).code).toBe(4001);
    expect(code(await gateway.send('POST', '/api/tokens', { body: { name: 'late', expiresAt: '2020-01-01' } }))).toBe('400 VALIDATION_FAILED');
    expect(code(await gateway.send('POST', '/api/tokens', { body: { name: 'none', scopes: [] } }))).toBe('400 VALIDATION_FAILED');
  });

  it('is replaced in one step: the old one is worth nothing when the new one is told', async () => {
    const { id, token } = await made({ name: 'CI', scopes: ['read'] });
    const { body } = await gateway.send('POST', `/api/tokens/${id}/rotate`);

    expect(body).toMatchObject({ id, name: 'CI', scopes: ['read'], token: expect.stringMatching(/^omu_/) });
    expect([await statusOf(token), await statusOf(token, other), await statusOf(body['token'] as string, other)]).toEqual([401, 401, 200]);
    expect(((await gateway.send('GET', '/api/tokens')).body['items'] as { id: string }[]).filter((one) => one.id === id)).toHaveLength(1);
  });

  it('has its sockets closed with 4001, and its streams ended, by whichever gateway it is revoked', async () => {
    const { id, token } = await made();
    const here = await Listener.subscribed(gateway, {}, undefined, token);
    const there = await Listener.subscribed(other, {}, undefined, token);
    const stream = await StreamReader.opened(other, { token });
    const admin = await Listener.subscribed(gateway);
    await gateway.send('DELETE', `/api/tokens/${id}`);

    expect((await eventually(() => here.closed)).code).toBe(4001);
    expect((await eventually(() => there.closed)).code).toBe(4001);
    await eventually(() => stream.ended);
    expect(stream.of('stream.error').at(-1)?.data).toMatchObject({ code: 'UNAUTHENTICATED' });
    await admin.settled();
    expect(admin.closed).toBeNull();
  });

  it('has its sockets closed when it expires, though nobody touches its file', async () => {
    const { token } = await made({ expiresAt: new Date(Date.now() + 2_000).toISOString() });
    const listener = await Listener.subscribed(gateway, {}, undefined, token);

    expect((await eventually(() => listener.closed)).code).toBe(4001);
    expect(await statusOf(token)).toBe(401);
  });

  it('cannot be made, seen or ended by another than the admin', async () => {
    const { id, token } = await made();
    const asked = await Promise.all([
      gateway.send('POST', '/api/tokens', { token, body: { name: 'more' } }), gateway.send('GET', '/api/tokens', { token }), gateway.send('GET', `/api/tokens/${id}`, { token }),
      gateway.send('DELETE', `/api/tokens/${id}`, { token }), gateway.send('POST', `/api/tokens/${id}/rotate`, { token }), gateway.send('POST', '/api/tokens/admin/rotate', { token }),
    ]);

    expect(asked.map(code)).toEqual(Array(6).fill('403 FORBIDDEN'));
    expect(await statusOf(token)).toBe(200);
  });
});

describe('a repeat under the same Idempotency-Key', () => {
  const create = (key: string, name = 'Bob', at = gateway) => at.send('POST', '/api/tokens', { body: { name }, headers: { 'idempotency-key': key } });

  it('gets the same token, once made, while this gateway remembers its answer', async () => {
    const key = randomUUID();
    const [first, second] = await Promise.all([create(key), create(key)]);

    expect(second).toMatchObject({ status: 201, headers: { 'idempotent-replayed': 'true', location: first.headers.location }, body: first.body });
    expect(first.headers['idempotent-replayed']).toBeUndefined();
    expect(code(await create(key, 'Eve'))).toBe('422 IDEMPOTENCY_KEY_REUSED');
    expect(((await gateway.send('GET', '/api/tokens')).body['items'] as { name: string }[]).filter(({ name }) => name === 'Bob')).toHaveLength(1);
  });

  it('is told later, and elsewhere, which token it made: no file knows what it is', async () => {
    const key = randomUUID();
    const { body } = await create(key, 'Carl');
    const again = await create(key, 'Carl', other);

    expect(again).toMatchObject({ status: 409, body: { code: 'CONFLICT', id: body['id'] } });
    expect(again.text).not.toContain(body['token'] as string);
    expect(code(await create(key, 'Eve', other))).toBe('422 IDEMPOTENCY_KEY_REUSED');
  });

  it('revokes and rotates once', async () => {
    const { id } = await made();
    const twice = (method: string, path: string) => { const headers = { 'idempotency-key': randomUUID() }; return Promise.all([gateway.send(method, path, { headers }), gateway.send(method, path, { headers })]); };
    const rotated = await twice('POST', `/api/tokens/${id}/rotate`);

    expect(rotated[1].body).toEqual(rotated[0].body);
    expect((await twice('DELETE', `/api/tokens/${id}`)).map(({ status }) => status)).toEqual([204, 204]);
  });
});

describe("the admin's token", () => {
  const rotate = () => gateway.send('POST', '/api/tokens/admin/rotate');

  it('is replaced in its file and in every gateway, when the answer is there', async () => {
    const old = gateway.token;
    const [here, there] = [await Listener.subscribed(gateway), await Listener.subscribed(other)];
    const { status, body } = await rotate();
    gateway.token = other.token = body['token'] as string;

    expect([status, body['id']]).toEqual([200, 'admin']);
    expect((await readFile(adminFile(), 'utf8')).trim()).toBe(gateway.token);
    expect((await stat(adminFile())).mode & 0o777).toBe(0o600);
    expect([await statusOf(old), await statusOf(old, other), await statusOf(gateway.token, other)]).toEqual([401, 401, 200]);
    expect((await eventually(() => here.closed)).code).toBe(4001);
    expect((await eventually(() => there.closed)).code).toBe(4001);
    expect((await readdir(dir())).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });

  it('is replaced by one of two who do so at once: what the other is told would be worth nothing', async () => {
    const answers = (await Promise.all([rotate(), rotate()])).sort((a, b) => a.status - b.status);
    gateway.token = other.token = answers[0].body['token'] as string;

    expect(answers.map(({ status }) => status)).toEqual([200, 401]);
    expect(await statusOf(gateway.token)).toBe(200);
  });

  it.each([['640', 0o640], ['604', 0o604], ['660', 0o660], ['602', 0o602]])('lets nobody in while its file has mode %s, and a start refuses it with the remedy', async (_text, mode) => {
    await chmod(adminFile(), mode);
    expect(await statusOf(gateway.token)).toBe(401);
    await expect(fresh().onModuleInit()).rejects.toMatchObject({ code: 'CONFIG_INVALID', message: expect.stringMatching(/chmod 600 .*token rotate admin/) });
    await chmod(adminFile(), 0o600);
    expect(await statusOf(gateway.token)).toBe(200);
  });

  it('is no link, and nobody is admin where it is gone', async () => {
    const text = await readFile(adminFile(), 'utf8');
    await writeFile(join(dir(), 'elsewhere'), text, { mode: 0o600 });
    await rm(adminFile());
    expect(await statusOf(gateway.token)).toBe(401);
    await symlink(join(dir(), 'elsewhere'), adminFile());
    expect(await statusOf(gateway.token)).toBe(401);
    await expect(fresh().onModuleInit()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await rm(adminFile());
    await rm(join(dir(), 'elsewhere'));
    await writeFile(adminFile(), text, { mode: 0o600 });
    expect(await statusOf(gateway.token)).toBe(200);
  });
});

it('a token has its sockets closed also where the file system tells nothing of another gateway, a little later', async () => {
  other.app.get(TokenStore).onModuleDestroy();
  const { id, token } = await made();
  const listener = await Listener.subscribed(other, {}, undefined, token);
  await gateway.send('DELETE', `/api/tokens/${id}`);
  (other.app.get(LiveClients) as unknown as { nextRecheck: number }).nextRecheck = 0;

  expect((await eventually(() => listener.closed)).code).toBe(4001);
});

it('there are so many tokens at most; one that has expired makes room', async () => {
  const store = fresh();
  for (const { id, expiresAt } of await store.list()) if (expiresAt !== null) await store.revoke(id);
  const present = (await store.list()).length;
  const file = (n: number) => join(dir(), 'tokens', `${String(n).padStart(64, '0')}.json`);
  const text = (n: number, more: object = {}) => JSON.stringify({ schemaVersion: 1, id: `tok_${n}`, name: 'x', createdAt: '2026-01-01T00:00:00Z', ...more });
  await Promise.all(Array.from({ length: USER_TOKENS_MAX - present }, (_, n) => writeFile(file(n), text(n))));

  expect(code(await gateway.send('POST', '/api/tokens', { body: { name: 'one more' } }))).toBe('422 LIMIT_REACHED');
  await writeFile(file(0), text(0, { expiresAt: '2026-01-02T00:00:00Z' }));
  expect((await gateway.send('POST', '/api/tokens', { body: { name: 'one more' } })).status).toBe(201);
  expect((await store.list()).length).toBe(USER_TOKENS_MAX);
});

function fresh(): TokenStore {
  return new TokenStore(Object.assign(new GatewayConfig(), { home: gateway.home }), createLogger({ service: 'test', level: 'silent' }));
}

async function fileOf(id: string): Promise<string> {
  for (const name of await readdir(join(dir(), 'tokens'))) {
    const file = join(dir(), 'tokens', name);
    if ((await readFile(file, 'utf8')).includes(id)) return file;
  }
  throw new Error(`no file of ${id}`);
}
