import { mkdtemp, open, readdir, readFile, rm, stat, writeFile, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { TICKET_MS, TICKETS_MAX } from '../limits.js';
import { socketBy, upgradeOf } from '../testing/browser-entry.js';
import { TestGateway } from '../testing/test-gateway.js';
import { Tickets } from './tickets.js';

const PAGE = 'https://ui.example';
const USED = '401 UNAUTHENTICATED';
let gateway: TestGateway;
let dir: string;
let log: FileHandle;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'om-tickets-'));
  log = await open(join(dir, 'log'), 'w');
  gateway = await TestGateway.start({ allowedOrigins: [PAGE, 'https://other.example'], allowedHosts: ['mesh.example'], logFd: log.fd });
});
afterAll(async () => {
  await gateway.stop();
  await log.close();
  await rm(dir, { recursive: true });
});

async function ticket(headers: Record<string, string> = {}, token = gateway.token): Promise<string> {
  const { status, body } = await gateway.send('POST', '/api/tickets', { token, headers });
  expect([status, Object.keys(body).sort()]).toEqual([201, ['expiresAt', 'ticket']]);
  return body['ticket'] as string;
}
const enter = (given: string, headers?: Record<string, string>) => upgradeOf(gateway, `/ws?ticket=${given}`, headers);
const stream = async (given: string, headers: Record<string, string> = {}) => (await gateway.send('HEAD', `/api/events/stream?ticket=${given}`, { token: null, headers })).status;

describe('a ticket', () => {
  it('opens one socket, or one stream, once', async () => {
    const [a, b] = [await ticket(), await ticket()];

    expect([await enter(a), await enter(a), await stream(a)]).toEqual(['open', USED, 401]);
    expect([await stream(b), await stream(b), await enter(b)]).toEqual([200, 401, USED]);
  });

  it('is of the page that asked for it, and used up by another', async () => {
    const [right, wrong, none] = [await ticket({ origin: PAGE }), await ticket({ origin: PAGE }), await ticket({ origin: PAGE })];

    expect(await enter(right, { origin: PAGE })).toBe('open');
    expect([await enter(wrong, { origin: 'https://other.example' }), await enter(wrong, { origin: PAGE })]).toEqual([USED, USED]);
    expect(await enter(none)).toBe(USED);
  });

  it('is also of the page whose browser sends no Origin, because it came from here', async () => {
    const own = `http://127.0.0.1:${gateway.port}`;

    expect(await stream(await ticket({ origin: own }))).toBe(200);
    expect(await stream(await ticket({ origin: own }), { host: 'mesh.example' })).toBe(401);
    expect(await stream(await ticket({ origin: own }), { host: `localhost:${gateway.port}` })).toBe(401);
  });

  it('is worth what its token is worth when it is used', async () => {
    const { body } = await gateway.send('POST', '/api/tokens', { body: { name: 'page', scopes: ['read'] } });
    const token = body['token'] as string;
    const [first, second] = [await ticket({}, token), await ticket({}, token)];
    const { closed } = await socketBy(gateway, first);
    await gateway.send('DELETE', `/api/tokens/${String(body['id'])}`);

    expect(await closed).toBe(4001);
    expect(await enter(second)).toBe(USED);
  });

  it("is an agent's as well, and sees no more than the agent", async () => {
    gateway.service.agents.set('oma_sess_1_1_mac', { sessionId: 'sess_1', projectId: 'proj_1', taskIds: [] });
    const given = await ticket({}, 'oma_sess_1_1_mac');
    gateway.service.agents.clear();

    expect(await enter(given)).toBe(USED);
  });

  it('opens nothing else, and stands beside no token', async () => {
    const given = await ticket();
    const here = await gateway.send('GET', `/api/runners?ticket=${given}`, { token: null });
    const beside = await gateway.send('HEAD', `/api/events/stream?ticket=${given}`);

    expect([here.status, beside.status]).toEqual([401, 400]);
    expect(await upgradeOf(gateway, `/ws?ticket=${given}&ticket=${given}`)).toBe('400 VALIDATION_FAILED');
    expect((await gateway.send('GET', '/api/runners', { token: given })).status).toBe(401);
    expect(await enter(given)).toBe('open');
  });

  it.each(['', 'omt_x', `omt_${'a'.repeat(43)}`, `omt_${'a'.repeat(4_000)}`, '%00', '../x'])('that is none opens nothing: %s', async (given) => {
    expect([await enter(given), await stream(given)]).toEqual([USED, 401]);
  });

  it('is in no log line', async () => {
    const [used, refused] = [await ticket(), await ticket()];
    await enter(used);
    await enter(refused, { origin: PAGE.replace('ui', 'evil') });
    await stream(`${refused}x`);
    await gateway.send('GET', `/api/events/stream?ticket=${refused}&types=?`, { token: null });

    const text = await readFile(join(dir, 'log'), 'utf8');
    expect(text.length).toBeGreaterThan(0);
    for (const one of [used, refused]) expect(text).not.toContain(one);
  });
});

describe('tickets that wait', () => {
  const opened = (tickets: Tickets, given: string) => tickets.use(given, { origin: undefined, host: undefined });
  const admin = { actor: { kind: 'admin' as const }, tokenId: 'admin' };
  const files = () => readdir(join(dir, 'api-gateway', 'tickets'));
  const ready = async (): Promise<Tickets> => {
    const tickets = new Tickets({ home: dir });
    await tickets.onModuleInit();
    tickets.onModuleDestroy();
    return tickets;
  };

  it('are worth nothing after their time, and their files go', async () => {
    const tickets = await ready();
    const [given] = [await tickets.issue('t', admin, undefined), await tickets.issue('t', admin, undefined)];
    const now = jest.spyOn(Date, 'now').mockReturnValue(Date.now() + TICKET_MS + 1_000);

    await expect(opened(tickets, given.ticket)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
    expect(await files()).toHaveLength(1);
    await ready();
    expect(await files()).toEqual([]);
    now.mockRestore();
  });

  it('are so many at most, and those of one token leave room for others', async () => {
    const tickets = await ready();
    const ask = (tokenId: string) => tickets.issue('t', { actor: { kind: 'user', tokenId }, tokenId }, undefined);
    await Promise.all(Array.from({ length: TICKETS_MAX / 2 }, () => ask('a')));

    await expect(ask('a')).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    for (let n = 0; n < 2; n += 1) expect(await opened(tickets, (await ask('b')).ticket)).toBe('t');
  });

  it('are used once in a race of many gateways', async () => {
    const [issuer, ...others] = await Promise.all([ready(), ready(), ready(), ready()]);
    for (let n = 0; n < 20; n += 1) {
      const { ticket: given } = await issuer.issue('t', admin, undefined);
      const came = await Promise.allSettled([...others, issuer, ...others].map((one) => opened(one, given)));
      expect(came.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    }
  });

  it('have files that nobody but us may read, and that give nothing to whoever does', async () => {
    const before = await files();
    const { ticket: given } = await (await ready()).issue('omd_secret', admin, undefined);
    const [file] = (await files()).filter((name) => !before.includes(name));
    const path = join(dir, 'api-gateway', 'tickets', file);
    const text = await readFile(path, 'utf8');

    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(file).toMatch(/^[0-9a-f]{64}$/);
    for (const secret of [given, given.slice(4), 'omd_secret', Buffer.from('omd_secret').toString('base64')]) expect(`${file}${text}`).not.toContain(secret);
    // What was changed is none.
    await writeFile(path, `${text.startsWith('A') ? 'B' : 'A'}${text.slice(1)}`);
    await expect(opened(await ready(), given)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});

describe('a token in a URL', () => {
  const said = { status: 400, body: { code: 'VALIDATION_FAILED', detail: expect.stringContaining('POST /api/tickets') } };

  it.each(['/api/runners?token=TOKEN', '/api/runners?access_token=TOKEN', '/api/runners?x=TOKEN', '/health/live?token=TOKEN', '/api/TOKEN', '/api/events/stream?ticket=TOKEN', '/api/runners?token='])(
    'is not looked at, and its sender hears what to do: %s', async (path) => {
      const at = path.replace('TOKEN', gateway.token);

      expect(await gateway.send('GET', at, { token: null })).toMatchObject(said);
      expect(await gateway.send('GET', at)).toMatchObject(said);
    });

  it('is not looked at by an upgrade either', async () => {
    expect(await upgradeOf(gateway, `/ws?token=${gateway.token}`)).toBe('400 VALIDATION_FAILED');
    expect(await upgradeOf(gateway, `/ws?ticket=${gateway.token}`)).toBe('400 VALIDATION_FAILED');
  });
});
