/** Creates/s, reads/s and request-to-frame latency of the whole stack, against `bare-server.mjs` in the same run. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import autocannon from 'autocannon';
import { WebSocket } from 'ws';
import { ratio, summarise } from './measure.mjs';

const CONNECTIONS = 32;
/** One request at a time, spaced: latency, not throughput. */
const LATENCY_SAMPLES = 500;
/** One at a time it takes longer until V8 has compiled all of it. */
const LATENCY_WARM_UP = 1_000;

/** What is measured has run before: both sides are servers that stay up, and V8 compiles what is new. */
const WARM_UP_SHARE = 0.5;

async function load({ duration, ...opts }) {
  await autocannon({ connections: CONNECTIONS, duration: Math.max(1, Math.round(duration * WARM_UP_SHARE)), ...opts });
  return autocannon({ connections: CONNECTIONS, duration, ...opts });
}

function rateOf(result, expected) {
  const good = result[`${Math.floor(expected / 100)}xx`];
  const others = result.requests.total - good;
  if (others > 0 || result.errors > 0) throw new Error(`${others} answers were not ${expected}, ${result.errors} errors`);
  return Math.round(good / result.duration);
}

/** Time from sending a create to the frame that tells it, over one socket and one request at a time. */
async function latency({ create, wsUrl, protocols, subscribe, titleOf }) {
  const socket = new WebSocket(wsUrl, protocols);
  const waiting = new Map();
  const subscribed = Promise.withResolvers?.() ?? withResolvers();
  socket.on('message', (raw) => {
    const at = performance.now();
    const frame = JSON.parse(raw);
    if (frame.type === 'subscribed') subscribed.resolve();
    const title = titleOf(frame);
    if (title && waiting.has(title)) { waiting.get(title)(at); waiting.delete(title); }
  });
  await once(socket, 'open');
  if (subscribe) { socket.send(JSON.stringify(subscribe)); await subscribed.promise; }
  const samples = [];
  for (let i = -LATENCY_WARM_UP; i < LATENCY_SAMPLES; i++) {
    const title = `latency-${i}`;
    const seen = new Promise((resolve) => waiting.set(title, resolve));
    const started = performance.now();
    await create(title);
    const ms = (await seen) - started;
    if (i >= 0) samples.push(ms);
  }
  socket.close();
  return summarise(samples);
}

function withResolvers() {
  let resolve; const promise = new Promise((r) => { resolve = r; });
  return { promise, resolve };
}

async function measure({ base, headers, taskBody, wsUrl, protocols, subscribe, durationSec }) {
  const post = async (title) => {
    const res = await fetch(`${base}/tasks`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ ...taskBody, title }) });
    if (res.status !== 201) throw new Error(`create answered ${res.status}`);
    return res.json();
  };
  const { id } = await post('warm');
  // Creates last: thousands of files of theirs are still written while the next would be measured.
  const reads = await load({ url: `${base}/tasks/${id}`, headers, duration: durationSec });
  const lat = await latency({ create: post, wsUrl, protocols, subscribe, titleOf: (f) => f.event?.type === 'task:created' ? f.event.data.title : undefined });
  const creates = await load({ url: `${base}/tasks`, method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ ...taskBody, title: 'load' }), duration: durationSec });
  return { creates: rateOf(creates, 201), reads: rateOf(reads, 200), latency: lat };
}

/** @template T @param {(url: string) => Promise<T>} measure @returns {Promise<T>} */
export async function withBareServer(measure) {
  const child = fork(fileURLToPath(new URL('./bare-server.mjs', import.meta.url)));
  const [{ port }] = await once(child, 'message');
  try {
    return await measure(`http://127.0.0.1:${port}`);
  } finally {
    child.disconnect();
    await once(child, 'exit');
  }
}

const bareRun = (durationSec) => withBareServer((base) =>
  measure({ base, headers: {}, taskBody: { description: 'bench' }, wsUrl: base.replace('http', 'ws'), durationSec }));

export async function httpBench({ stack, durationSec = 5 }) {
  const headers = { authorization: `Bearer ${stack.token}` };
  const project = await fetch(`${stack.url}/api/projects`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify({ name: 'bench', workingDir: stack.workingDir }) });
  if (project.status !== 201) throw new Error(`project: ${project.status} ${await project.text()}`);
  const projectId = (await project.json()).id;
  const bare = await bareRun(durationSec);
  const ours = await measure({
    base: `${stack.url}/api`, headers, taskBody: { projectId, description: 'bench' }, durationSec,
    wsUrl: `${stack.url.replace('http', 'ws')}/ws`, protocols: ['orbitmesh.v1', `bearer.${stack.token}`], subscribe: { type: 'subscribe', filter: {} },
  });
  return [
    { what: `durable task creates/s, ${CONNECTIONS} connections`, ours: ours.creates, bare: bare.creates, ratio: ratio(ours.creates, bare.creates) },
    { what: `task reads/s, ${CONNECTIONS} connections`, ours: ours.reads, bare: bare.reads, ratio: ratio(ours.reads, bare.reads) },
    { what: 'request to frame, p50 ms', ours: ours.latency.p50, bare: bare.latency.p50, ratio: ratio(ours.latency.p50, bare.latency.p50) },
    { what: 'request to frame, p99 ms', ours: ours.latency.p99, bare: bare.latency.p99, ratio: ratio(ours.latency.p99, bare.latency.p99) },
  ];
}
