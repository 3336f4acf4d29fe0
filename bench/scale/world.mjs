/** A stack with as many runners and gateways as asked for, and how the scale benches speak with it. */
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { WebSocket } from 'ws';
import { launchService, SERVICES } from '../../tools/lib/services.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const READY_MS_MAX = 60_000;
/** Requests of a bench in flight: past that it measures its own queue. */
export const LANES = 32;

export const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** @template T @param {{ runners?: number, gateways?: number, env?: object, providers: object }} how @param {(world: World) => Promise<T>} measure @returns {Promise<T>} */
export async function withWorld({ runners = 1, gateways = 1, env = {}, providers }, measure) {
  const { startStack } = await import('@orbitmesh/testing');
  const home = await mkdtemp(join(tmpdir(), 'orbitmesh-scale-home-'));
  const workingDir = await mkdtemp(join(tmpdir(), 'orbitmesh-scale-work-'));
  await writeFile(join(home, 'providers.json'), JSON.stringify(providers), { mode: 0o600 });
  const stack = await startStack({ home, env });
  const world = new World(stack, workingDir, env);
  try {
    for (let n = 1; n < runners; n += 1) await world.add('provider-runner');
    for (let n = 1; n < gateways; n += 1) await world.add('api-gateway');
    await world.until(async () => (await world.call('GET', '/api/runners')).items.filter(({ state }) => state === 'connected').length >= runners, 'all runners');
    return await measure(world);
  } finally {
    await world.end();
    await stack.stop().catch((error) => console.error('the stack did not stop cleanly:', error.message.split('\n')[0]));
    for (const path of [workingDir, home]) await rm(path, { recursive: true, force: true, maxRetries: 3 });
  }
}

export class World {
  #more = [];
  #env;

  constructor(stack, workingDir, env) {
    this.stack = stack;
    this.workingDir = workingDir;
    this.urls = [stack.url];
    this.#env = env;
  }

  get home() { return this.stack.home; }
  get token() { return this.stack.token; }

  /** One more of it, as the launcher starts the first. */
  async add(app) {
    const port = app === 'api-gateway' ? await freePort() : 0;
    const child = launchService(SERVICES.find((one) => one.app === app), { root: ROOT, shared: {
      PATH: process.env.PATH, HOME: process.env.HOME, ...this.#env, ORBITMESH_HOME: this.home, ORBITMESH_NATS_URL: this.stack.natsUrl,
      ORBITMESH_NATS_PASSWORDS: join(this.home, 'run', 'nats'), ORBITMESH_API_URL: this.stack.url, ORBITMESH_HOST: '127.0.0.1', ORBITMESH_PORT: String(port),
    } });
    for (const stream of [child.stdout, child.stderr]) stream.resume();
    this.#more.push(child);
    await new Promise((resolve, reject) => {
      child.on('message', (message) => { if (message.type === 'ready') resolve(); });
      child.once('exit', (code) => reject(new Error(`${app} ended with ${code}`)));
    });
    if (port > 0) this.urls.push(`http://127.0.0.1:${port}`);
    return child;
  }

  async end() {
    await Promise.all(this.#more.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const gone = once(child, 'exit');
      child.kill('SIGTERM');
      await gone;
    }));
  }

  /** Pids of all services, by what they are. */
  async services() {
    const first = Object.entries(await this.stack.pids()).map(([name, pid]) => ({ name, pid }));
    return [...first, ...this.#more.map(({ pid }, n) => ({ name: `more-${n + 1}`, pid }))];
  }

  async call(method, path, body, url = this.stack.url) {
    const res = await fetch(`${url}${path}`, { method, headers: { authorization: `Bearer ${this.token}`, ...(body && { 'content-type': 'application/json' }) }, body: body && JSON.stringify(body) });
    const text = await res.text();
    if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text.slice(0, 300)}`);
    return text === '' ? null : JSON.parse(text);
  }

  /** Trusted, as what is measured is not git: looking at a repository is two programs for each start. */
  project() {
    return this.call('POST', '/api/projects', { name: 'scale', workingDir: this.workingDir, trustRepository: true });
  }

  async until(holds, what, timeoutMs = READY_MS_MAX) {
    for (const since = performance.now(); !(await holds()); await pause(50)) {
      if (performance.now() - since > timeoutMs) throw new Error(`${what}: not within ${timeoutMs / 1000} s`);
    }
  }

  /** Follows the feed by a socket, and checks on the way that nothing is missing and nothing comes twice. */
  async follow(onEvent, { url = this.stack.url, filter = {} } = {}) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, ['orbitmesh.v1', `bearer.${this.token}`]);
    const seen = { events: 0, gaps: 0, repeats: 0, last: 0, closed: null };
    socket.on('close', (code, reason) => { seen.closed = `${code} ${reason}`; });
    const whole = Object.keys(filter).length === 0;
    const subscribed = new Promise((resolve) => {
      socket.on('message', (raw) => {
        const frame = JSON.parse(raw);
        if (frame.type === 'subscribed') resolve(frame.cursor);
        if (frame.type !== 'event') return;
        const { seq } = frame.event;
        if (seq <= seen.last) seen.repeats += 1;
        else if (whole && seen.last > 0 && seq !== seen.last + 1) seen.gaps += 1;
        seen.last = Math.max(seen.last, seq);
        seen.events += 1;
        onEvent(frame.event, performance.now());
      });
    });
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'subscribe', filter }));
    return { seen, cursor: await subscribed, close: () => socket.terminate() };
  }
}

/** Runs `step(n)` for n of 0…count-1, `lanes` at a time. */
export async function each(count, lanes, step) {
  let next = 0;
  await Promise.all(Array.from({ length: Math.min(lanes, count) }, async () => {
    while (next < count) await step(next++);
  }));
}

/** Open descriptors and resident bytes of a process. */
export async function footprint(pid) {
  const [fds, status] = await Promise.all([readdir(`/proc/${pid}/fd`), readFile(`/proc/${pid}/status`, 'utf8')]);
  return { fds: fds.length, rssMiB: Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024) };
}

/** Processor seconds that a process has used, of user and system. */
export async function processorSeconds(pid) {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** What each service has used while something was done: ms of a processor for each of `count`. */
export async function processorOf(world, count, work) {
  const services = await world.services();
  const before = await Promise.all(services.map(({ pid }) => processorSeconds(pid)));
  const result = await work();
  const used = await Promise.all(services.map(async ({ name, pid }, n) => [name, Math.round((await processorSeconds(pid) - before[n]) / count * 1e5) / 100]));
  return { result, processorMs: Object.fromEntries(used) };
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
