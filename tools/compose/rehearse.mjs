#!/usr/bin/env node
// Runs the compose stack for real, and says what it saw: up, a session on each runner, scaled, renewed and given a new image under load, what was shut down continued, stopped, up, down.
//   node tools/compose/rehearse.mjs        COMPOSE='docker-compose' where there is no plugin; by hand only: it wants a Docker engine
import { execFile, spawn as start } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { seenWithin } from '../lib/seen-within.mjs';

const COMPOSE = (process.env.COMPOSE ?? 'docker compose').split(' ');
const PORTS = [4750, 4751];
const CALL_MS_MAX = 10_000;
const STEP_MS_MAX = 180_000;
const ENDED = ['completed', 'failed', 'stopped'];
const env = { ...process.env, ORBITMESH_PORT: `${PORTS[0]}-${PORTS.at(-1)}` };
const run = (file, args) => promisify(execFile)(file, args, { env, timeout: 180_000, maxBuffer: 64 * 1024 * 1024 }).then(({ stdout }) => stdout.trim());
const compose = (...args) => run(COMPOSE[0], [...COMPOSE.slice(1), ...args]);
const load = { on: true, acknowledged: [], sessions: new Map(), seqs: [], retries: 0, longestMs: 0 };
let projectId = '';
let token = '';
let turn = 0;

/** At any gateway; until one answers, under one key. */
async function insist(method, path, body) {
  const key = randomUUID();
  const since = performance.now();
  while (performance.now() - since < STEP_MS_MAX) {
    turn += 1;
    try {
      const response = await fetch(`http://127.0.0.1:${PORTS[turn % PORTS.length]}${path}`, {
        method, signal: AbortSignal.timeout(CALL_MS_MAX), body: body && JSON.stringify(body),
        headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }), ...(method !== 'GET' && { 'idempotency-key': key }) },
      });
      const answer = await response.json();
      if (response.ok) {
        load.longestMs = Math.max(load.longestMs, performance.now() - since);
        return answer;
      }
      if (response.status < 500 && response.status !== 429) throw Object.assign(new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`), { final: true });
    } catch (error) {
      if (error.final) throw error;
    }
    load.retries += 1;
    await wait(100);
  }
  throw new Error(`${method} ${path} was never answered`);
}

const until = (what, look) => seenWithin(STEP_MS_MAX, 250, what, look);

async function step(what, work) {
  const since = performance.now();
  load.longestMs = 0;
  const said = await work();
  process.stdout.write(`${((performance.now() - since) / 1000).toFixed(1).padStart(6)} s  ${what}${said ? `: ${said}` : ''} (longest wait for an answer ${(load.longestMs / 1000).toFixed(1)} s, ${load.acknowledged.length} tasks)\n`);
}

const runners = async (state = 'connected') => (await insist('GET', '/api/runners')).items.filter((one) => one.state === state);
const scaled = (number) => ['--scale', `provider-runner=${number}`, '--scale', `api-gateway=${PORTS.length}`];
const well = (containers) => until('healthy containers', async () => {
  const states = await run('docker', ['inspect', '-f', '{{.State.Health.Status}}', ...(await compose('ps', '-q')).split('\n')]);
  return states.split('\n').filter((state) => state === 'healthy').length === containers;
});
const spawn = async (demo) => {
  const session = await insist('POST', '/api/sessions/spawn', { projectId, initialDirective: 'Count', permissionMode: 'allow', custom: { demo } });
  load.sessions.set(session.id, null);
  return session.id;
};

/** Work that outlasts a step, on each runner: where its runner is taken away, it ends as `shutdown`. */
const longOnes = async () => {
  const ids = await Promise.all([1, 2, 3].map(() => spawn({ numbered: 150, delayMs: 100 })));
  await until('long sessions at work', async () => (await Promise.all(ids.map((id) => insist('GET', `/api/sessions/${id}`)))).every(({ agentSessionId }) => agentSessionId !== null));
};

/** As `docker compose build` does after a `git pull`: the same name, another image. */
async function newImage() {
  const [container] = (await compose('ps', '-q', 'session-service')).split('\n');
  const name = await run('docker', ['inspect', '-f', '{{.Config.Image}}', container]);
  const build = start('docker', ['build', '-q', '-t', name, '--label', `orbitmesh.rehearsal=${Date.now()}`, '-'], { env, stdio: ['pipe', 'ignore', 'inherit'] });
  build.stdin.end(`FROM ${name}\n`);
  const code = await new Promise((done) => { build.once('close', done); });
  if (code !== 0) throw new Error(`docker build ended with ${code}`);
  return run('docker', ['image', 'inspect', '-f', '{{.Id}}', name]);
}

async function upgrade() {
  const image = await newImage();
  await longOnes();
  await compose('up', '-d', ...scaled(3));
  await well(8);
  await until('three runners', async () => (await runners()).length === 3);
  const images = (await run('docker', ['inspect', '-f', '{{.Image}}', ...(await compose('ps', '-q')).split('\n')])).split('\n');
  const renewed = images.filter((one) => one === image).length;
  if (renewed !== 7) throw new Error(`${renewed} of 7 containers have the new image`);
  return `${renewed} of ${images.length} containers have it`;
}

/** What ended with its runner goes on, each in its own conversation, and comes to its own end; one that had begun none is spawned anew. */
async function continued() {
  const ended = [...load.sessions].filter(([, end]) => end.endsWith('/shutdown')).map(([id]) => id);
  const next = [];
  let anew = 0;
  for (const id of ended) {
    if ((await insist('GET', `/api/sessions/${id}`)).agentSessionId === null) {
      anew += 1;
      next.push(await spawn({ numbered: 20, delayMs: 100 }));
      continue;
    }
    const session = await insist('POST', `/api/sessions/${id}/continue`, { initialDirective: 'Go on' });
    if (session.continues !== id) throw new Error(`${session.id} does not continue ${id}`);
    next.push(session.id);
    load.sessions.set(session.id, null);
  }
  const all = await outcomes();
  const done = next.filter((id) => load.sessions.get(id) === 'completed/completed').length;
  if (done !== ended.length || ended.length === anew) throw new Error(`${ended.length} were shut down, ${done} of them went on and completed: ${all}`);
  return `${done} of ${ended.length}, ${anew} of them spawned anew, as they had begun no conversation; all sessions: ${all}`;
}

/** Acknowledged writes, short sessions, and a feed read by its cursor at one gateway and the other. */
function startLoad() {
  const loop = async (work) => { while (load.on) await work(); };
  let cursor = '';
  const follow = async () => {
    const page = await insist('GET', `/api/events${cursor && `?after=${encodeURIComponent(cursor)}`}`);
    load.seqs.push(...page.items.map(({ seq }) => seq));
    cursor = page.nextCursor ?? cursor;
    await wait(100);
  };
  return [
    loop(async () => { load.acknowledged.push((await insist('POST', '/api/tasks', { projectId, title: 'A task' })).id); await wait(30); }),
    loop(async () => { await spawn({ numbered: 20, delayMs: 100 }); await wait(2_000); }), loop(follow),
  ];
}

async function outcomes() {
  await until('all sessions ended', async () => {
    for (const [id, end] of load.sessions) {
      if (end) continue;
      const session = await insist('GET', `/api/sessions/${id}`);
      if (!ENDED.includes(session.status)) return false;
      load.sessions.set(id, `${session.status}/${session.outcome?.code ?? ''}`);
    }
    return true;
  });
  return JSON.stringify([...load.sessions.values()].reduce((all, one) => ({ ...all, [one]: (all[one] ?? 0) + 1 }), {}));
}

async function main() {
  await step('up, three runners and two gateways, all healthy', async () => {
    await compose('up', '-d', ...scaled(3));
    await well(8);
    token = await compose('exec', '-T', 'api-gateway', 'cat', '/var/lib/orbitmesh/api-gateway/admin.token');
  });
  projectId = (await insist('POST', '/api/projects', { name: 'Rehearsal', workingDir: '/workspace' })).id;
  await step('a session on each runner', async () => {
    for (let n = 0; n < 3; n += 1) await spawn({ numbered: 40, delayMs: 100 });
    await until('one each', async () => (await runners()).filter(({ running }) => running === 1).length === 3);
    return outcomes();
  });
  const loops = startLoad();
  // A load that breaks ends the rehearsal, also between its steps.
  const broken = Promise.all(loops);
  broken.catch(() => undefined);
  await step('one runner drained, scaled from three to two', async () => {
    const [container] = (await compose('ps', '-q', 'provider-runner')).split('\n').slice(-1);
    const host = await run('docker', ['inspect', '-f', '{{.Config.Hostname}}', container]);
    const { id } = (await runners()).find((one) => one.host === host);
    await insist('POST', `/api/runners/${id}/drain`, {});
    await until('drained', async () => (await runners('drained')).length === 1);
    await run('docker', ['stop', '-t', '15', container]);
    await run('docker', ['rm', container]);
    await insist('POST', `/api/runners/${id}/undrain`, {});
    return `${id} had nothing left`;
  });
  await step('scaled to one', async () => {
    await longOnes();
    await compose('up', '-d', '--no-recreate', ...scaled(1));
  });
  await step('scaled to three', async () => {
    await compose('up', '-d', '--no-recreate', ...scaled(3));
    await until('three runners', async () => (await runners()).length === 3);
  });
  for (const service of ['nats', 'session-service', 'provider-runner', 'api-gateway', 'notifier']) {
    await step(`a new ${service}`, async () => {
      await compose('up', '-d', '--no-deps', '--force-recreate', ...scaled(3), service);
      await well(8);
      await until('three runners', async () => (await runners()).length === 3);
    });
  }
  await step('a new image', upgrade);
  load.on = false;
  await broken;
  await step('how the sessions ended', outcomes);
  await step('what was shut down, continued', continued);
  await step('stopped', () => compose('stop'));
  await step('up again', async () => { await compose('up', '-d', ...scaled(3)); await well(8); });
  await step('what was acknowledged is there', async () => {
    for (const id of load.acknowledged) await insist('GET', `/api/tasks/${id}`);
    for (const id of load.sessions.keys()) await insist('GET', `/api/sessions/${id}`);
    const gaps = load.seqs.filter((seq, n) => n > 0 && seq !== load.seqs[n - 1] + 1).length;
    if (gaps > 0) throw new Error(`${gaps} gaps or repeats in the feed`);
    return `${load.acknowledged.length} tasks, ${load.sessions.size} sessions, ${load.seqs.length} events without a gap or a repeat, ${load.retries} requests tried again`;
  });
  await step('down', () => compose('down'));
}

await main();
