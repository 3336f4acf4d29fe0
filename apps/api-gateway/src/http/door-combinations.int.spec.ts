import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { NotifierRpc } from '@orbitmesh/contracts';
import { Chance, faultSeed, inFull, LONG } from '@orbitmesh/testing';
import { credentials, hosts, mayPass, nameOf, origins, Sender, spellings, type Came, type Combination, type Target, type Way } from '../testing/combinations.js';
import { TestGateway } from '../testing/test-gateway.js';
import { RouteTable } from './route-table.js';
import { SECURITY_HEADERS } from './security-headers.js';

const AGENT = 'oma_sess_1_1_mac';
const SAMPLES = 20_000;
const AT_ONCE = 8;
const PREFLIGHT = 'OPTIONS';

let gateway: TestGateway;
let sender: Sender;
let all: { hosts: Way<string>[]; origins: Way<string | undefined>[]; credentials: Way<Record<string, string>>[] };
let targets: Target[];
beforeAll(async () => {
  gateway = await TestGateway.start({ allowedHosts: ['mesh.example'], allowedOrigins: ['https://ui.example'] });
  gateway.service.agents.set(AGENT, { sessionId: 'sess_1', projectId: 'proj_1', taskIds: [] });
  gateway.service.bus.serve(NotifierRpc.health, () => ({ ok: true, service: 'notifier', pid: 1, details: {} }));
  const [user, expired] = await Promise.all([writeUser('u1', {}), writeUser('u2', { expiresAt: '2020-01-01T00:00:00.000Z' })]);
  sender = new Sender(gateway.port);
  all = { hosts: hosts(gateway.port), origins: origins(gateway.port), credentials: credentials({ admin: gateway.token, user, agent: AGENT, expired }) };
  const open = new Set(['/health/live', '/health/ready', '/openapi.json']);
  targets = gateway.app.get(RouteTable).all().filter(({ method }) => method !== 'HEAD').map(({ method, path }) => (
    // Whatever it waits for, it does not have to be waited for here.
    { what: 'as it is', method, path: path.replace(/:entityType/, 'task').replace(/:\w+/g, 'id_1') + (path.includes('/wait/') ? '?timeout=0' : ''), open: open.has(path) }
  ));
});
afterAll(async () => {
  sender.stop();
  await gateway.stop();
});

/** As an earlier version wrote it. */
async function writeUser(id: string, more: object): Promise<string> {
  const token = `omu_${id.repeat(22).slice(0, 43)}`;
  const file = join(gateway.home, 'api-gateway', 'tokens', `${createHash('sha256').update(token).digest('hex')}.json`);
  await writeFile(file, JSON.stringify({ schemaVersion: 1, id, name: id, createdAt: '2026-01-01T00:00:00.000Z', ...more }), { mode: 0o600 });
  return token;
}

const good = <T>(ways: readonly Way<T>[]): Way<T> => ways.find(({ ok }) => ok)!;
const combined = (target: Target, more: Partial<Combination> = {}): Combination => ({ target, host: good(all.hosts), origin: good(all.origins), credential: good(all.credentials), ...more });
const as = (what: string) => all.credentials.find((one) => one.what === what)!;
/** A path that is no route as it is sent may still be refused only for want of a token, never answered without one. */
const spelt = (target: Target): Target[] => spellings(target.path).map(([what, path]) => ({ ...target, what, path }));

interface Outcome { failures: string[]; passed: number; sent: number }

async function outcome(combinations: readonly Combination[], upgrade = false): Promise<Outcome> {
  const left = [...combinations];
  const failures: string[] = [];
  let passed = 0;
  const work = async (): Promise<void> => {
    for (let next = left.pop(); next; next = left.pop()) {
      const combination = next;
      const came = await sender.send(combination, upgrade).catch((error: Error) => error);
      const problem = problemOf(combination, came, upgrade);
      if (problem !== null) failures.push(`${nameOf(combination)}: ${problem}`);
      else if (!(came instanceof Error) && came.status < 300) passed += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return { failures: failures.sort(), passed, sent: combinations.length };
}

function problemOf(combination: Combination, came: Came | Error, upgrade: boolean): string | null {
  if (came instanceof Error) return `no answer: ${came.message}`;
  const { status, headers, upgraded } = came;
  if (status >= 500) return `${status}`;
  if ((status < 300 || upgraded) && !mayPass(combination)) return `let in with ${status}`;
  if (upgraded !== (status === 101) || (upgraded && !upgrade)) return `${status}, ${upgraded ? 'upgraded' : 'not upgraded'}`;
  if (upgraded) return null;
  const missing = Object.entries(SECURITY_HEADERS).filter(([name, value]) => headers[name] !== value && !(name === 'cache-control' && String(headers[name]).startsWith('no-store')));
  if (missing.length > 0) return `without ${missing.map(([name]) => name).join(', ')}`;
  const readable = headers['access-control-allow-origin'];
  return readable !== undefined && (readable !== 'https://ui.example' || combination.origin.value !== readable) ? `readable by ${String(readable)}` : null;
}

/** One in `n` of what a route is asked with, another one for the next route; all in the long form. */
const some = (index: number, n: number): boolean => LONG || index % n === 0;

describe('of all combinations of Host, Origin, credential, method and spelling', () => {
  it('each route in each spelling is closed to who shows no token', async () => {
    const { failures, sent } = await outcome(targets.flatMap((target, row) => spelt(target).filter((_one, index) => some(row + index, 3))).map((target) => combined(target, { credential: as('nobody') })));

    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(LONG ? 2_000 : 600);
  }, 300_000);

  it('each route is closed to each Host, Origin and credential that is not ours, whatever else is right', async () => {
    const combinations = targets.flatMap((target, row) => [
      ...all.hosts.filter(({ ok }, index) => !ok && some(row + index, 5)).map((host) => combined(target, { host })),
      ...all.origins.filter(({ ok }, index) => !ok && some(row + index, 5)).map((origin) => combined(target, { origin })),
      ...all.credentials.filter(({ ok }, index) => !ok && some(row + index, 5)).map((credential) => combined(target, { credential })),
    ]);
    const { failures, passed, sent } = await outcome(combinations);

    expect(failures).toEqual([]);
    expect(sent).toBeGreaterThan(LONG ? 1_000 : 600);
    // What anybody may ask, whoever they say they are.
    expect(passed).toBeGreaterThan(0);
  }, 300_000);

  it('each method is closed to who shows no token, but for an allowed page that asks whether it may ask', async () => {
    const others = targets.filter(({ path }, index) => targets.findIndex((one) => one.path === path) === index)
      .flatMap((target) => ['HEAD', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'POST', 'TRACE', 'PROPFIND', 'REPORT'].map((method) => ({ ...target, method })));
    const { failures } = await outcome(others.map((target) => combined(target, { credential: as('nobody') })));
    const preflight = { authorization: '', 'access-control-request-method': 'POST' };
    const asking = (what: string) => combined({ ...targets[0], method: PREFLIGHT }, { origin: all.origins.find((one) => one.what === what), credential: { what: 'a preflight', value: preflight, ok: false } });

    expect(failures).toEqual([]);
    expect((await sender.send(asking('an allowed one'))).status).toBe(204);
    expect((await sender.send(asking('foreign'))).status).toBe(403);
    expect((await sender.send(asking('our own'))).status).toBe(401);
  }, 300_000);

  it('the upgrade is open to what is right in every part, and to nothing else', async () => {
    const socket: Target = { what: 'as it is', method: 'GET', path: '/ws', open: false };
    const combinations = [
      ...all.hosts.flatMap((host) => all.origins.map((origin) => combined(socket, { host, origin }))), ...all.credentials.map((credential) => combined(socket, { credential })),
      ...spelt(socket).map((target) => combined(target, { credential: as('nobody') })), ...targets.map((target) => combined({ ...target, open: false }, { credential: as('nobody') })),
    ];
    const { failures } = await outcome(combinations, true);
    const right = combinations.filter((one) => mayPass(one) && one.target.path === '/ws');
    const opened = await Promise.all(right.map((one) => sender.send(one, true)));

    expect(failures).toEqual([]);
    expect(opened.map(({ status }) => status)).toEqual(right.map(() => 101));
  }, 300_000);

  it('each route lets in what is right in every part', async () => {
    const { passed } = await outcome(targets.filter(({ method }) => method === 'GET').flatMap((target) => [...all.hosts, ...all.origins].filter(({ ok }) => ok).slice(0, 2).map(() => combined(target))));

    expect(passed).toBeGreaterThan(targets.length / 2);
  });

  inFull(`and of ${SAMPLES} drawn at random none is let in that should not be`, async () => {
    const chance = new Chance(faultSeed());
    const drawn = Array.from({ length: SAMPLES }, () => ({
      target: chance.pick(spelt({ ...chance.pick(targets), ...(chance.oneIn(3) && { method: chance.pick(['HEAD', 'OPTIONS', 'POST', 'DELETE', 'PUT', 'PATCH', 'TRACE']) }) })),
      host: chance.pick(all.hosts), origin: chance.pick(all.origins), credential: chance.pick(all.credentials),
    }));

    expect({ seed: chance.seed, ...await outcome(drawn) }).toMatchObject({ failures: [] });
  }, 600_000);
});
