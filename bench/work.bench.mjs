/** What the system of record does a second: lists, spawns, mails; each beside bare Fastify in the same run (`bare-server.mjs`). */
import { perSecond, ratio } from './measure.mjs';

const LANES = 32;
const TASKS = 1_000;
const PAGE = 200;
/** All of a list of 1,000, page by page, so often. */
const LISTS = 20;
const SESSIONS = 20;
/** Live sessions are bounded at 5,000; a spawn that runs into that is no measurement. */
const SPAWNS_MAX = 4_000;

const caller = (base, token) => async (method, path, body) => {
  const res = await fetch(`${base}${path}`, {
    method, body: body === undefined ? undefined : JSON.stringify(body),
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...(token && { authorization: `Bearer ${token}` }) },
  });
  const text = await res.text();
  if (!res.ok) throw new Error(`${method} ${path}: ${res.status} ${text.slice(0, 300)}`);
  return text ? JSON.parse(text) : null;
};

async function makeTasks(call, path, body) {
  let n = 0;
  await Promise.all(Array.from({ length: LANES }, async () => { while (n < TASKS) { n += 1; await call('POST', path, { ...body, title: `Task ${n}` }); } }));
}

/** How long all of the list takes, page after page, ms. */
async function listMs(call, pathOf) {
  const since = performance.now();
  for (let n = 0; n < LISTS; n += 1) {
    let seen = 0;
    for (let cursor = null; ;) {
      const { items, nextCursor } = await call('GET', pathOf(cursor));
      seen += items.length;
      if (nextCursor === null) break;
      cursor = nextCursor;
    }
    if (seen !== TASKS) throw new Error(`a list of ${TASKS} had ${seen}`);
  }
  return Math.round((performance.now() - since) / LISTS * 10) / 10;
}

async function bareRates(bareUrl, durationMs) {
  const call = caller(bareUrl);
  const rate = await perSecond(LANES, durationMs, () => call('POST', '/notes', { body: 'x'.repeat(200) }));
  await makeTasks(call, '/tasks', { description: 'bench' });
  return { rate, list: await listMs(call, (cursor) => `/tasks?limit=${PAGE}${cursor ? `&cursor=${cursor}` : ''}`) };
}

async function spawnRate(call, projectId, durationMs) {
  let spawned = 0;
  return perSecond(LANES, durationMs, async () => {
    if (spawned >= SPAWNS_MAX) return new Promise(() => undefined);
    spawned += 1;
    return call('POST', '/api/sessions/spawn', { projectId, providerType: 'idle', initialDirective: 'Wait.' });
  });
}

async function mailRate(call, projectId, durationMs) {
  const sessions = [];
  for (let n = 0; n < SESSIONS; n += 1) sessions.push((await call('POST', '/api/sessions/spawn', { projectId, providerType: 'idle', initialDirective: 'Wait.' })).id);
  let n = 0;
  return perSecond(LANES, durationMs, () => call('POST', '/api/mail', { toSessionId: sessions[n++ % SESSIONS], subject: 'Bench', body: 'x'.repeat(200) }));
}

/**
 * @param {object} options
 * @param {{ url: string, token: string, workingDir: string }} options.stack with a provider `idle` that does nothing, and room for one run
 * @param {string} options.bareUrl
 */
export async function workBench({ stack, bareUrl, durationMs = 3_000 }) {
  const bare = await bareRates(bareUrl, durationMs);
  const call = caller(stack.url, stack.token);
  const project = (name) => call('POST', '/api/projects', { name, workingDir: stack.workingDir }).then(({ id }) => id);
  const listed = await project('lists');
  await makeTasks(call, '/api/tasks', { projectId: listed, description: 'bench' });
  const list = await listMs(call, (cursor) => `/api/tasks?projectId=${listed}&limit=${PAGE}${cursor ? `&cursor=${cursor}` : ''}`);
  const mails = await mailRate(call, await project('mail'), durationMs);
  const spawns = await spawnRate(call, await project('spawns'), durationMs);
  return [
    { what: `list of ${TASKS} tasks, ms`, ours: list, bare: bare.list, ratio: ratio(list, bare.list) },
    { what: `mail sends/s, ${LANES} connections`, ours: mails, bare: bare.rate, ratio: ratio(mails, bare.rate) },
    { what: `spawn commits/s, ${LANES} connections`, ours: spawns, bare: bare.rate, ratio: ratio(spawns, bare.rate) },
  ];
}
