import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Bus } from '@orbitmesh/messaging';
import { eventually, startNats, type TestNats } from '@orbitmesh/testing';
import { Back, Slow } from './testing/fixture-service.js';

// Real servers and processes on a machine that may be busy.
jest.setTimeout(30_000);

const FIXTURE = fileURLToPath(new URL('../dist/testing/fixture-service.js', import.meta.url));
const BUNDLES = new URL('../../../tools/lib/bundle.mjs', import.meta.url);
type Line = Record<string, unknown> & { msg: string };

/** A service process as the launcher would start it. */
class Service {
  readonly said: Record<string, unknown>[] = [];
  private out = '';
  private constructor(readonly child: ChildProcess) {
    child.on('message', (message) => this.said.push(message as Record<string, unknown>));
    child.stdout?.on('data', (chunk: Buffer) => { this.out += chunk.toString(); });
    child.stderr?.on('data', (chunk: Buffer) => { this.out += chunk.toString(); });
  }

  static start(env: Record<string, string>): Service {
    const service = new Service(fork(entry, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env: { PATH: process.env.PATH, ...env } }));
    services.push(service);
    return service;
  }

  get lines(): Line[] { return this.out.split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l) as Line); }
  get text(): string { return this.out; }
  line(msg: string): Line | undefined { return this.lines.find((l) => l.msg === msg); }
  ready(): Promise<unknown> { return eventually(() => this.said.find((m) => m.type === 'ready'), { what: 'ready' }); }
  /** Exit code, or the signal. */
  async exit(): Promise<number | string> {
    if (this.child.exitCode !== null) return this.child.exitCode;
    const [code, signal] = await once(this.child, 'exit') as [number | null, string | null];
    return code ?? String(signal);
  }
}

const services: Service[] = [];
/** The fixture as one file, as services are started (ADR-0019): a dozen of it start below. */
let entry: string;
let nats: TestNats;
let home: string;
let env: Record<string, string>;

beforeAll(async () => {
  entry = join(await mkdtemp(join(tmpdir(), 'om-kit-')), 'fixture-service.js');
  const { bundleTo } = await import(BUNDLES.href) as { bundleTo(outfile: string, entry: string): Promise<void> };
  await bundleTo(entry, FIXTURE);
  nats = await startNats({ config: 'authorization { user: "u", password: "hunter2" }' });
});
beforeEach(async () => {
  home = join(await mkdtemp(join(tmpdir(), 'om-kit-')), 'home');
  env = { ORBITMESH_HOME: home, ORBITMESH_NATS_URL: nats.url.replace('//', '//u:hunter2@') };
});
afterEach(async () => {
  for (const { child } of services.splice(0)) if (child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await rm(join(home, '..'), { recursive: true, force: true });
});
afterAll(async () => {
  await nats.stop();
  await rm(join(entry, '..'), { recursive: true, force: true });
});

async function askerOf(service: Service): Promise<Bus> {
  await service.ready();
  const { installationId } = JSON.parse(await readFile(join(home, 'installation.json'), 'utf8')) as { installationId: string };
  return Bus.connect({ url: env.ORBITMESH_NATS_URL, installationId, name: 'spec' });
}

describe('a service process', () => {
  it('says ready with its info, makes its home for its owner alone, and logs no password', async () => {
    const service = Service.start({ ...env, ORBITMESH_FIXTURE_NUMBER: '12' });

    expect(await service.ready()).toEqual({ type: 'ready', slot: 'slot-0' });
    expect(service.line('fixture up')).toMatchObject({ service: 'fixture', fixtureNumber: 12, ok: true, natsUrl: '[redacted]', level: 'info' });
    expect(((await stat(home)).mode & 0o777).toString(8)).toBe('700');
    expect(((await stat(join(home, 'installation.json'))).mode & 0o777).toString(8)).toBe('600');
    expect(service.text).not.toContain('hunter2');
  });

  it('says that it cannot serve where that was so before anybody listened', async () => {
    const service = Service.start({ ...env, FIXTURE_FAULT: 'unwell' });

    await eventually(() => service.said.length === 2);
    expect(service.said).toEqual([{ type: 'ready', slot: 'slot-0' }, { type: 'state', ready: false }]);
  });

  it.each(['SIGTERM', 'SIGINT', 'shutdown'] as const)('ends in order on %s: hooks with the bus, handlers in flight, stores, exit 0', async (how) => {
    const service = Service.start(env);
    const asker = await askerOf(service);
    asker.serve(Back, () => asker.request(Slow, { ms: 0 }));
    const answer = asker.request(Slow, { ms: 300 });
    await asker.flush();
    const more = eventually(() => service.line('stopping'));

    if (how === 'shutdown') service.child.send({ type: 'shutdown', keepAgents: true });
    else service.child.kill(how);
    await more;
    service.child.kill('SIGTERM'); // The terminal and the launcher both ask; once is enough.

    expect(await answer).toEqual({ stoppingMeanwhile: true, umask: '77' });
    expect(await service.exit()).toBe(0);
    expect(service.lines.map((l) => l.msg).filter((m) => ['stopping', 'destroy hook used the bus', 'stores close', 'stopped'].includes(m)))
      .toEqual(['stopping', 'destroy hook used the bus', 'stores close', 'stopped']);
    expect(service.line('destroy hook used the bus')).toMatchObject({ keepAgents: how === 'shutdown', stoppingSeen: true });
    expect(service.line('stores close')).toMatchObject({ connected: false, handlersInFlight: 0 });
    await asker.drain();
  });

  it('ends at once, without its hooks, when its parent is gone', async () => {
    const service = Service.start(env);
    await service.ready();

    service.child.disconnect();

    expect(await service.exit()).toBe(1);
    expect(service.line('stopping')).toBeUndefined();
  });

  it('ends on a signal while it still waits for NATS', async () => {
    const service = Service.start({ ...env, ORBITMESH_NATS_URL: 'nats://127.0.0.1:1' });
    await eventually(() => readFile(join(home, 'installation.json')));

    service.child.kill('SIGTERM');

    expect(await service.exit()).toBe(0);
  });

  it('is a NATS user by its own name where there are passwords, and says which file it cannot read', async () => {
    const passwords = join(home, '..', 'passwords');
    await nats.restart('authorization { users: [{ user: "u", password: "hunter2" }, { user: "fixture", password: "hunter4" }] }');
    const bare = { ORBITMESH_HOME: home, ORBITMESH_NATS_URL: nats.url, ORBITMESH_NATS_PASSWORDS: passwords };
    const refused = Service.start(bare);
    expect(await refused.exit()).toBe(78);
    expect(refused.said).toEqual([expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(`${join(passwords, 'fixture')} cannot be read (ENOENT)`) })]);

    await mkdir(passwords);
    await writeFile(join(passwords, 'fixture'), 'hunter4\n');
    const service = Service.start(bare);
    await service.ready();
    expect(service.text).not.toContain('hunter4');
  });

  it('tells its parent when NATS goes and when it is back', async () => {
    const service = Service.start(env);
    await service.ready();

    await nats.kill();
    await eventually(() => service.said.some((m) => m.type === 'state' && m.ready === false));
    await nats.restart();
    await eventually(() => service.said.at(-1)?.ready === true);
  });

  it('says which variables are wrong, all of them, without their values, and exits 78', async () => {
    const service = Service.start({ ORBITMESH_HOME: home, ORBITMESH_FIXTURE_NUMBER: 'hunter3', ORBITMESH_LOG_LEVEL: 'loud' });

    expect(await service.exit()).toBe(78);
    expect(service.said).toEqual([expect.objectContaining({ type: 'failed', code: 'CONFIG_INVALID' })]);
    for (const name of ['ORBITMESH_NATS_URL', 'ORBITMESH_FIXTURE_NUMBER', 'ORBITMESH_LOG_LEVEL']) expect(service.said[0].message).toContain(name);
    expect(service.text).not.toMatch(/hunter3|loud/);
  });

  it('exits 75 when another process holds its directory, and tells who', async () => {
    const service = Service.start({ ...env, FIXTURE_FAULT: 'locked' });

    expect(await service.exit()).toBe(75);
    expect(service.said).toEqual([{ type: 'failed', code: 'STORAGE_LOCKED', message: 'Process 1 holds it.' }]);
  });

  it('crashes visibly on an error nobody caught', async () => {
    const service = Service.start({ ...env, FIXTURE_FAULT: 'late' });

    expect(await service.exit()).toBe(1);
    expect(service.line('crashed')).toMatchObject({ level: 'fatal', err: { message: 'late fault' } });
  });
});
