import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createLogger } from '@orbitmesh/service-kit';
import { TokenStore } from '../auth/token.store.js';
import { GatewayConfig } from '../gateway.config.js';
import { upgradeOf } from '../testing/browser-entry.js';
import { TestGateway } from '../testing/test-gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await TestGateway.start({ allowedHosts: ['mesh.example', 'api.example:8443'], allowedOrigins: ['https://ui.example'] });
});
afterAll(() => gateway.stop());

const self = (name: string) => `${name}:${gateway.port}`;

function upgrade(headers: Record<string, string>, { token = gateway.token as string | null, path = '/ws', protocols = [] as string[] } = {}): Promise<string> {
  return upgradeOf(gateway, path, { ...(token !== null && { authorization: `Bearer ${token}` }), ...headers }, protocols);
}

interface Said { status: number; type: string | undefined; code: string | undefined; head: string }

/** A request as bytes, and the answer as it came when the server had ended it. */
function raw(start: string, headers: string[], body = ''): Promise<Said> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(gateway.port, '127.0.0.1', () => socket.write(`${start}\r\n${headers.map((header) => `${header}\r\n`).join('')}\r\n${body}`));
    socket.on('data', (chunk) => { text += chunk.toString(); });
    socket.on('end', () => {
      const [head, content] = text.split('\r\n\r\n', 2);
      resolve({ status: Number(head.split(' ', 2)[1]), type: /^content-type: (.*)$/im.exec(head)?.[1], code: /"code":"(\w+)"/.exec(content)?.[1], head });
    });
    socket.on('error', reject);
  });
}
const bearer = () => `Authorization: Bearer ${gateway.token}`;
const own = () => `Host: ${self('127.0.0.1')}`;
const UPGRADE = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version: 13'];
const PROBLEM = 'application/problem+json';

describe('the door', () => {
  const hosts: [string, () => string, boolean][] = [
    ['127.0.0.1 with our port', () => self('127.0.0.1'), true],
    ['localhost with our port', () => self('localhost'), true],
    ['LOCALHOST with our port', () => self('LOCALHOST'), true],
    ['[::1] with our port', () => self('[::1]'), true],
    ['an allowed host', () => 'mesh.example', true],
    ['an allowed host with any port', () => 'mesh.example:444', true],
    ['an allowed host with its port', () => 'api.example:8443', true],
    ['an allowed host with another port', () => 'api.example:8444', false],
    ['localhost without a port', () => 'localhost', false],
    ['localhost with another port', () => `localhost:${gateway.port + 1}`, false],
    ['a name that only begins like ours', () => self('localhost.evil.example'), false],
    ['a foreign name with our port', () => self('evil.example'), false],
    ['a user before the host', () => `x@${self('127.0.0.1')}`, false],
    ['a subdomain of an allowed host', () => 'a.mesh.example', false],
    ['0.0.0.0', () => self('0.0.0.0'), false],
  ];
  it.each(hosts)('Host: %s', async (_name, host, allowed) => {
    const answer = await gateway.send('GET', '/api/runners', { headers: { host: host() } });
    const refused = await upgrade({ host: host() });

    expect([answer.status, answer.body['code']]).toEqual(allowed ? [200, undefined] : [403, 'HOST_NOT_ALLOWED']);
    expect(refused).toBe(allowed ? 'open' : '403 HOST_NOT_ALLOWED');
  });

  const origins: [string, () => string, boolean][] = [
    ['our own', () => `http://${self('127.0.0.1')}`, true],
    ['our own by name', () => `http://${self('localhost')}`, true],
    ['an allowed one', () => 'https://ui.example', true],
    ['null', () => 'null', false],
    ['ours with https', () => `https://${self('127.0.0.1')}`, false],
    ['ours with another port', () => 'http://127.0.0.1:1', false],
    ['ours as a prefix', () => `http://${self('127.0.0.1')}.evil.example`, false],
    ['an allowed one with http', () => 'http://ui.example', false],
    ['an allowed one with a port', () => 'https://ui.example:8443', false],
    ['an allowed one in capitals', () => 'https://UI.example', false],
    ['a foreign one', () => 'https://evil.example', false],
    ['an allowed host that is no allowed origin', () => 'http://mesh.example', false],
  ];
  it.each(origins)('Origin: %s', async (_name, origin, allowed) => {
    const answer = await gateway.send('GET', '/api/runners', { headers: { origin: origin() } });

    expect([answer.status, answer.body['code']]).toEqual(allowed ? [200, undefined] : [403, 'ORIGIN_NOT_ALLOWED']);
    expect(await upgrade({ origin: origin() })).toBe(allowed ? 'open' : '403 ORIGIN_NOT_ALLOWED');
  });

  it.each(['/nothing', '/openapi.json', '/health/live', '/api/%zz'])('stands before %s too', async (path) => {
    const answer = await gateway.send('GET', path, { headers: { host: 'evil.example' } });

    expect([answer.status, answer.body['code']]).toEqual([403, 'HOST_NOT_ALLOWED']);
  });

  it.each([['no Host', () => []], ['two Hosts, ours first', () => [own(), 'Host: evil.example']], ['two Hosts, ours last', () => ['Host: evil.example', own()]], ['our Host twice', () => [own(), own()]]])(
    'refuses %s, on requests and upgrades', async (_name, given) => {
      const refused = { status: 400, type: PROBLEM, code: 'VALIDATION_FAILED' };

      expect(await raw('GET /api/runners HTTP/1.1', [...given(), bearer(), 'Connection: close'])).toMatchObject(refused);
      expect(await raw('GET /health/live HTTP/1.0', given())).toMatchObject(refused);
      expect(await raw('GET /ws HTTP/1.1', [...given(), bearer(), ...UPGRADE])).toMatchObject(refused);
    });

  it.each([
    ['http://evil.example', 403], ['HTTP://evil.example', 403], ['https://evil.example:80', 403], ['http://', 403], ['http://x@127.0.0.1:PORT', 403], ['http://127.0.0.1:1', 403],
    ['http://127.0.0.1:PORT', 200], ['HTTP://LOCALHOST:PORT', 200], ['http://mesh.example', 200],
  ])('a target that begins with %s: %i', async (given, status) => {
    const base = given.replace('PORT', String(gateway.port));
    const [answer, malformed] = await Promise.all([`${base}/api/runners`, `${base}/api/%zz`].map((target) => raw(`GET ${target} HTTP/1.1`, [own(), bearer(), 'Connection: close'])));
    const keyed = raw(`GET ${base}/ws HTTP/1.1`, [own(), ...UPGRADE]);

    expect([answer.status, answer.code]).toEqual(status === 403 ? [403, 'HOST_NOT_ALLOWED'] : [200, undefined]);
    expect(malformed.status).toBe(status === 403 ? 403 : 400);
    // Let in by its address, it is asked for its token.
    expect((await keyed).status).toBe(status === 403 ? 403 : 401);
  });

  it('refuses an empty Host', async () => {
    expect(await raw('GET /api/runners HTTP/1.1', ['Host: ', bearer(), 'Connection: close'])).toMatchObject({ status: 403, code: 'HOST_NOT_ALLOWED' });
  });

  it.each([['cross-site', 403], ['same-site', 403], ['same-origin', 200], ['none', 200]])('a page that says nothing of where it is, and its browser that it is %s: %i', async (site, status) => {
    const headers = { 'sec-fetch-site': site };

    expect((await gateway.send('GET', '/health/live', { token: null, headers })).status).toBe(status);
    expect((await gateway.send('GET', '/api/runners', { headers: { ...headers, origin: 'https://ui.example' } })).status).toBe(200);
  });

  it('asks for a token whatever form the target has', async () => {
    expect((await raw(`GET http://${self('127.0.0.1')}/api/nothing HTTP/1.1`, [own(), 'Connection: close'])).status).toBe(401);
  });

  it('gives a problem also where Node would answer itself, or not at all', async () => {
    const expecting = await raw('POST /api/projects HTTP/1.1', [own(), bearer(), 'Content-Type: application/json', 'Expect: foo', 'Content-Length: 2'], '{}');
    const version = await raw('GET /ws HTTP/1.1', [own(), bearer(), ...UPGRADE.slice(0, 3), 'Sec-WebSocket-Version: 9']);
    const key = await raw('GET /ws HTTP/1.1', [own(), bearer(), ...UPGRADE.slice(0, 2), 'Sec-WebSocket-Version: 13']);
    const tunnel = await raw('CONNECT evil.example:443 HTTP/1.1', [own()]);
    const foreign = await raw('CONNECT evil.example:443 HTTP/1.1', ['Host: evil.example:443']);
    const expectingElsewhere = await raw('POST /api/projects HTTP/1.1', ['Host: evil.example', 'Expect: foo', 'Content-Length: 2'], '{}');

    expect(expecting).toMatchObject({ status: 417, type: PROBLEM, code: 'VALIDATION_FAILED' });
    expect(version).toMatchObject({ status: 400, type: PROBLEM, code: 'VALIDATION_FAILED', head: expect.stringMatching(/^sec-websocket-version: 13$/m) });
    expect(key).toMatchObject({ status: 400, type: PROBLEM, code: 'VALIDATION_FAILED' });
    expect(tunnel).toMatchObject({ status: 404, type: PROBLEM, code: 'NOT_FOUND' });
    for (const refused of [foreign, expectingElsewhere]) expect(refused).toMatchObject({ status: 403, type: PROBLEM, code: 'HOST_NOT_ALLOWED' });
  });

  it('lets an allowed page read answers, and no other', async () => {
    const allowed = await gateway.send('OPTIONS', '/api/projects', { token: null, headers: { origin: 'https://ui.example', 'access-control-request-method': 'POST' } });
    const own = await gateway.send('GET', '/api/runners', { headers: { origin: `http://${self('localhost')}` } });

    expect(allowed).toMatchObject({ status: 204, headers: { 'access-control-allow-origin': 'https://ui.example', vary: 'Origin' } });
    expect(own.headers['access-control-allow-origin']).toBeUndefined();
  });
});

describe('tokens', () => {
  it.each(['/api/projects', '/api/nothing', '/metrics', '/%61pi/projects', '/api', '/ws'])('are needed for %s', async (path) => {
    const answer = await gateway.send('GET', path, { token: null });

    expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': expect.stringContaining('Bearer'), 'content-type': 'application/problem+json' }, body: { code: 'UNAUTHENTICATED' } });
  });

  it.each([['nothing', ''], ['another', 'omd_x'], ['one character more', 'TOKENx'], ['an agent that is not', 'oma_sess_1_1_x'], ['a path', '../../admin'], ['much', 'x'.repeat(600)]])(
    'refuses %s', async (_name, token) => {
      expect(await gateway.send('GET', '/api/projects', { token: token.replace('TOKEN', gateway.token) })).toMatchObject({ status: 401 });
    });

  it('takes a scheme in any case, and only Bearer', async () => {
    const [lower, basic] = await Promise.all(['bearer', 'Basic'].map((scheme) => gateway.send('GET', '/api/runners', { token: null, headers: { authorization: `${scheme} ${gateway.token}` } })));

    expect([lower.status, basic.status]).toEqual([200, 401]);
  });

  it('are taken by an upgrade as a header or as a subprotocol', async () => {
    const bearer = `bearer.${gateway.token}`;

    expect(await upgrade({}, { token: null })).toBe('401 UNAUTHENTICATED');
    expect(await upgrade({}, { token: null, protocols: ['orbitmesh.v1', bearer] })).toBe('open orbitmesh.v1');
    expect(await upgrade({}, { token: null, protocols: ['orbitmesh.v1', 'bearer.wrong'] })).toBe('401 UNAUTHENTICATED');
    expect(await upgrade({}, { path: '/ws/x' })).toBe('404 NOT_FOUND');
  });

  it('of users are known by their hash, until they expire or are removed', async () => {
    const token = 'omu_somebody';
    const file = join(gateway.home, 'api-gateway', 'tokens', `${createHash('sha256').update(token).digest('hex')}.json`);
    const write = (more: object) => writeFile(file, JSON.stringify({ schemaVersion: 1, id: 'u1', name: 'Ann', createdAt: '2026-01-01T00:00:00Z', ...more }));
    const status = async () => (await gateway.send('PATCH', '/api/projects/p', { token, body: { name: 'n' }, headers: { 'idempotency-key': 'k' } })).status;

    await write({});
    expect(await status()).toBe(200);
    expect(gateway.service.asked.at(-1)?.req['meta']).toMatchObject({ actor: { kind: 'user', tokenId: 'u1' }, idempotency: { scope: 'user:u1 PATCH /api/projects/p' } });
    await write({ expiresAt: '2020-01-01T00:00:00Z' });
    expect(await status()).toBe(401);
    await writeFile(file, 'damaged');
    expect(await status()).toBe(401);
    await rm(file);
    expect(await status()).toBe(401);
  });

  it('of the admin is one, whoever of several gateways came first, and only its owner can read it', async () => {
    const home = await mkdtemp(join(tmpdir(), 'om-tokens-'));
    const config = Object.assign(new GatewayConfig(), { home });
    const logger = createLogger({ service: 'test', level: 'silent' });
    const stores = Array.from({ length: 8 }, () => new TokenStore(config, logger));

    await Promise.all(stores.map((store) => store.onModuleInit()));

    const file = join(home, 'api-gateway', 'admin.token');
    const token = (await readFile(file, 'utf8')).trim();
    expect(await Promise.all(stores.map((store) => store.isAdmin(token)))).toEqual(Array(8).fill(true));
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await readdir(join(home, 'api-gateway'))).sort()).toEqual(['admin.token', 'tokens']);
    for (const store of stores) store.onModuleDestroy();
    await writeFile(file, 'short\n');
    await expect(new TokenStore(config, logger).onModuleInit()).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    await rm(home, { recursive: true });
  });
});
