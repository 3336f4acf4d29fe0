#!/usr/bin/env node
// Runners on other machines for real, made of namespaces, and says what it saw: no file shared, cables pulled, packets lost, slow lines.
//   node tools/hosts/rehearse.mjs        by hand only: Linux, root, ip, iptables, openssl; a built checkout
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { seenWithin } from '../lib/seen-within.mjs';
import { keepNatsPasswords, NATS_USERS } from '../lib/nats-passwords.mjs';
import { ensureNatsServer } from '../nats-server.mjs';
import { Host, makeSwitch, processesOf, slowLine, SWITCH } from './hosts.mjs';

const STEP_MS_MAX = 90_000;
const LEASE_MS = 30_000;
const COUNT = { demo: { numbered: 100, delayMs: 100 } };
const LONG = { demo: { numbered: 3_000, delayMs: 100 } };
const numbers = (count) => Array.from({ length: count }, (_, n) => `numbered ${n + 1}/${count}`);
const seconds = (since) => ((performance.now() - since) / 1000).toFixed(1);

const until = (what, look) => seenWithin(STEP_MS_MAX, 100, what, look);

async function step(what, work) {
  const since = performance.now();
  const said = await work();
  process.stdout.write(`${seconds(since).padStart(6)} s  ${what}${said ? `: ${said}` : ''}\n`);
}

/** The hosts, what runs on them, and how they are spoken to. */
class World {
  constructor(base) {
    this.base = base;
  }

  async start() {
    makeSwitch();
    this.hub = await Host.start('hub', 1, this.base);
    this.east = await Host.start('east', 2, this.base);
    this.west = await Host.start('west', 3, this.base);
    this.url = `http://${this.hub.address}:4750`;
    this.certificate = this.certify();
    await this.startNats();
    this.writeProviders(this.hub);
    this.line = await slowLine(this.hub.address, 4222);
    const env = { ...this.shared(`tls://${this.hub.address}:4222`), ORBITMESH_HOST: this.hub.address, ORBITMESH_PORT: '4750', ORBITMESH_ALLOW_REMOTE: '1', ORBITMESH_ALLOWED_HOSTS: `${this.hub.address}:4750` };
    for (const app of ['session-service', 'api-gateway', 'notifier']) this.hub.service(app, env);
    const file = (name) => join(this.hub.disk, 'home', name);
    await until('a gateway that serves', async () => existsSync(file('api-gateway/admin.token')) && (await fetch(`${this.url}/health/ready`).catch(() => undefined)));
    this.token = readFileSync(file('api-gateway/admin.token'), 'utf8').trim();
    this.installationId = JSON.parse(readFileSync(file('installation.json'), 'utf8')).installationId;
    this.startRunner(this.east, `tls://${this.hub.address}:4222`);
    this.startRunner(this.west, this.line.url);
    await until('two runners', async () => (await this.get('/api/runners')).items.filter(({ state }) => state === 'connected').length === 2);
    this.projectId = (await this.post('/api/projects', { name: 'Hosts', workingDir: this.hub.work })).id;
  }

  /** Its own authority, for all addresses that NATS is called by. Every host may read it. */
  certify() {
    const [key, certificate] = ['nats.key', 'nats.crt'].map((name) => join(this.base, name));
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1', '-subj', '/CN=rehearsal',
      '-addext', `subjectAltName=IP:${this.hub.address},IP:${SWITCH}`, '-keyout', key, '-out', certificate], { stdio: 'ignore' });
    return certificate;
  }

  async startNats() {
    const run = join(this.hub.disk, 'home', 'run');
    mkdirSync(run, { mode: 0o700 });
    keepNatsPasswords(join(run, 'nats'));
    const tls = `tls { cert_file: "${this.certificate}", key_file: "${join(this.base, 'nats.key')}" }`;
    writeFileSync(join(run, 'nats.conf'), [`host: "${this.hub.address}"`, 'port: 4222', 'max_payload: 1MB', tls, NATS_USERS].join('\n'));
    this.hub.launch([await ensureNatsServer(), '-c', join(this.hub.home, 'run', 'nats.conf')]);
  }

  shared(natsUrl) {
    return { ORBITMESH_NATS_URL: natsUrl, ORBITMESH_NATS_PASSWORDS: join(this.hub.home, 'run', 'nats'), NODE_EXTRA_CA_CERTS: this.certificate };
  }

  /** session-service knows by it which agents may be asked for, a runner how they are started. */
  writeProviders(host) {
    writeFileSync(join(host.disk, 'home', 'providers.json'), JSON.stringify({ echo: { driver: 'process', command: ['/bin/cat'] } }), { mode: 0o600 });
  }

  /** All that is carried to a machine: one password, which agents it has, and what is said here. */
  startRunner(host, natsUrl, name = host.name) {
    const dir = join(host.disk, 'home', 'run', 'nats');
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    copyFileSync(join(this.hub.disk, 'home', 'run', 'nats', 'provider-runner'), join(dir, 'provider-runner'));
    this.writeProviders(host);
    return host.service('provider-runner', { ...this.shared(natsUrl), ORBITMESH_API_URL: this.url, ORBITMESH_INSTALLATION_ID: this.installationId, ORBITMESH_RUNNER_NAME: name, ORBITMESH_RUNNER_LABELS: `host=${host.name}` });
  }

  async call(method, path, body) {
    const response = await fetch(`${this.url}${path}`, { method, headers: { authorization: `Bearer ${this.token}`, ...(body && { 'content-type': 'application/json' }) }, body: body && JSON.stringify(body) });
    const answer = await response.json();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
    return answer;
  }

  get = (path) => this.call('GET', path);
  post = (path, body = {}) => this.call('POST', path, body);
  session = (id) => this.get(`/api/sessions/${id}`);

  async spawn(host, more) {
    const { id } = await this.post('/api/sessions/spawn', { projectId: this.projectId, initialDirective: 'Count', permissionMode: 'allow', runnerLabels: { host: host.name }, ...more });
    return id;
  }

  async events(of = '/api/events') {
    const all = [];
    for (let cursor = ''; cursor !== null;) {
      const page = await this.get(`${of}?limit=200${cursor && `&after=${encodeURIComponent(cursor)}`}`);
      all.push(...page.items);
      cursor = page.items.length > 0 ? page.nextCursor : null;
    }
    return all;
  }

  async output(id) {
    return (await this.events(`/api/sessions/${id}/events`)).filter(({ type }) => type === 'output').map(({ data }) => data.content).join('');
  }

  /** @returns a session whose agent has begun to say something */
  async busy(host, more) {
    const id = await this.spawn(host, more);
    await until(`output of ${id}`, async () => (await this.output(id)).includes('numbered 3/'));
    return id;
  }

  async ended(id, code = 'completed') {
    const session = await until(`the end of ${id}`, async () => { const one = await this.session(id); return one.outcome && one; });
    if (session.outcome.code !== code) throw new Error(`${id} ended as ${session.outcome.code}, not ${code}`);
    return session;
  }

  /** Completed, with every line once and in order. */
  async whole(id) {
    const session = await this.ended(id);
    const said = (await this.output(id)).match(/numbered \d+\/\d+/g) ?? [];
    const count = session.providerConfig?.custom?.demo?.numbered ?? COUNT.demo.numbered;
    if (said.join() !== numbers(count).join()) throw new Error(`${id} has ${said.length} lines, not ${count} in order`);
    return `${count} lines in order, completed${session.outcome.reported ? ' and reported to the API' : ''}`;
  }
}

async function ordinaryDays(world) {
  const { east, west } = world;
  await step('what a runner sees of other hosts\' files', async () => {
    const seen = [east, west].map((host) => `${host.run('hostname')} has ${host.run('ls', host.home).split('\n').join(' ')}`);
    for (const host of [east, west]) if (readdirSync(join(host.disk, 'home')).includes('session-service') || host.run('ls', join(world.base, 'disks')) !== '') throw new Error('it sees more');
    return `${seen.join('; ')}; nothing else`;
  });
  await step('a session on each', async () => {
    const ids = await Promise.all([east, west].map((host) => world.spawn(host, { custom: COUNT })));
    const ends = await Promise.all(ids.map((id) => world.whole(id)));
    const on = await Promise.all(ids.map(async (id) => (await world.session(id)).run.runnerId));
    if (on.join() !== 'east-0,west-0') throw new Error(`they ran on ${on}`);
    return `on ${on.join(' and ')}; ${ends[0]}`;
  });
  await step('input, stop, kill', async () => {
    const id = await world.spawn(east, { providerType: 'echo' });
    await until('a session that runs', async () => (await world.session(id)).state === 'running');
    const since = performance.now();
    await world.post(`/api/sessions/${id}/input`, { text: 'to the other machine' });
    await until('its echo', async () => (await world.output(id)).includes('to the other machine'));
    const echoed = seconds(since);
    await world.post(`/api/sessions/${id}/stop`);
    await until('its end', async () => (await world.session(id)).outcome);
    const other = await world.busy(west, { custom: LONG });
    await world.post(`/api/sessions/${other}/kill`);
    await until('its end', async () => (await world.session(other)).outcome);
    const left = await Promise.all([id, other].map(async (one) => processesOf((await world.session(one)).run.runId)));
    if (left.some((count) => count > 0)) throw new Error(`${left} processes are left`);
    return `echoed after ${echoed} s, ended as ${(await world.session(id)).outcome.code} and ${(await world.session(other)).outcome.code}, no process left`;
  });
}

async function badDays(world) {
  const { east, west, line } = world;
  await step('the cable of east out for 3 s', async () => {
    const id = await world.busy(east, { custom: COUNT });
    east.pull();
    await wait(3_000);
    east.plug();
    return world.whole(id);
  });
  await step(`the cable of east out for longer than a lease (${LEASE_MS / 1000} s)`, () => beyondLease(world));
  await step('5 % of the packets to east and to the hub lost', async () => {
    for (const host of [east, world.hub]) host.lose(0.05);
    const id = await world.busy(east, { custom: COUNT });
    const said = await world.whole(id);
    const lost = [east, world.hub].map((host) => host.lost());
    for (const host of [east, world.hub]) host.lose(0);
    return `${lost.join(' and ')} packets; ${said}`;
  });
  for (const [thereMs, backMs] of [[100, 0], [0, 100], [300, 100]]) {
    await step(`west speaks ${thereMs} ms later, hears ${backMs} ms later`, async () => {
      Object.assign(line, { thereMs, backMs });
      return world.whole(await world.spawn(west, { custom: COUNT }));
    });
  }
  await step('another machine whose runner is called as that of east', async () => {
    const id = await world.busy(east, { custom: COUNT });
    const south = await Host.start('south', 4, world.base);
    world.startRunner(south, world.line.url, east.name);
    await until('its refusal', () => south.said.includes('name this machine with ORBITMESH_RUNNER_NAME'));
    const said = await world.whole(id);
    return `refused, and east's session: ${said}`;
  });
}

async function beyondLease(world) {
  const { east } = world;
  const id = await world.busy(east, { custom: LONG });
  const { runId } = (await world.session(id)).run;
  east.pull();
  const since = performance.now();
  await world.ended(id, 'runner_lost');
  const lostAfter = seconds(since);
  const atWork = processesOf(runId);
  const said = (await world.output(id)).length;
  await wait(3_000);
  east.plug();
  const healed = performance.now();
  await until('no process of it', () => processesOf(runId) === 0);
  const gone = seconds(healed);
  await until('east again', async () => (await world.get('/api/runners')).items.find((one) => one.id === 'east-0').state === 'connected');
  if ((await world.output(id)).length !== said) throw new Error('stale facts were taken');
  if ((await world.session(id)).outcome.code !== 'runner_lost') throw new Error('its end was changed');
  const refused = /orbitmesh_stale_refused_total\{[^}]*what="facts"[^}]*\} (\d+)/.exec(await (await fetch(`${world.url}/metrics`, { headers: { authorization: `Bearer ${world.token}` } })).text())?.[1];
  const next = await world.whole(await world.spawn(east, { custom: COUNT }));
  return `runner_lost after ${lostAfter} s, ${atWork} processes of it at work then; ${gone} s after the cable was back none; ${refused} batches of stale facts to refuse, no output added; the next session there: ${next}`;
}

async function inside(base) {
  const world = new World(base);
  try {
    await step('hub (NATS with TLS, session-service, gateway, notifier), east and west (a runner each)', () => world.start());
    await ordinaryDays(world);
    await badDays(world);
    const seqs = (await world.events()).map(({ seq }) => seq);
    if (seqs.some((seq, n) => n > 0 && seq !== seqs[n - 1] + 1)) throw new Error('the feed has gaps or repeats');
    process.stdout.write(`          ${seqs.length} events without a gap or a repeat\n`);
  } catch (error) {
    for (const host of [world.hub, world.east, world.west]) process.stderr.write(`--- ${host?.name}\n${host?.said.slice(-4_000)}\n`);
    process.stderr.write(`${error.stack}\n`);
    process.exitCode = 1;
  }
  // The first process of its namespace: with it everything in there ends.
  process.exit();
}

/** In namespaces of its own: whatever happens to it, the kernel ends what it started and takes its networks away. */
async function outside() {
  const base = mkdtempSync(join(tmpdir(), 'om-hosts-'));
  const self = fileURLToPath(import.meta.url);
  const child = spawn('unshare', ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, self, base], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill('SIGKILL'));
  const [code] = await once(child, 'exit');
  rmSync(base, { recursive: true, force: true, maxRetries: 3 });
  process.exitCode = code ?? 1;
}

await (process.argv[2] ? inside(process.argv[2]) : outside());
