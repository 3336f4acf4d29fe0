/** The clients of `watchers.bench.mjs`, in a process of their own. */
import { connect } from 'node:net';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { WebSocket } from 'ws';
import { summarise } from '../measure.mjs';

const CAUGHT_UP_MS_MAX = 60_000;
/** Every n-th frame's lateness is kept: of millions, enough. */
const SAMPLED = 20;

let where;
let all = [];
let silent = [];
let frames = 0;
let lags = [];
let since = performance.now();

class Client {
  last = 0;
  cursor = undefined;
  gaps = 0;
  repeats = 0;
  closed = null;

  async open() {
    this.closed = null;
    this.socket = new WebSocket(`${where.url.replace('http', 'ws')}/ws`, ['orbitmesh.v1', `bearer.${where.token}`], { perMessageDeflate: false });
    this.socket.on('close', (code) => { this.closed = code; });
    this.socket.on('error', () => undefined);
    this.socket.on('message', (raw) => this.hear(raw));
    await once(this.socket, 'open');
    const subscribed = new Promise((resolve) => { this.onSubscribed = resolve; });
    this.socket.send(JSON.stringify({ type: 'subscribe', filter: {}, ...(this.cursor !== undefined && { after: this.cursor }) }));
    await subscribed;
  }

  hear(raw) {
    const text = raw.toString('latin1');
    if (!text.startsWith('{"type":"event"')) {
      const frame = JSON.parse(raw);
      if (frame.type === 'subscribed') { this.cursor ??= frame.cursor; this.last ||= Number(frame.cursor?.split('.').at(-1) ?? 0); this.onSubscribed(); }
      return;
    }
    frames += 1;
    const seq = Number(/"seq":(\d+)/.exec(text)[1]);
    if (seq <= this.last) this.repeats += 1;
    else if (this.last > 0 && seq !== this.last + 1) this.gaps += 1;
    this.last = Math.max(this.last, seq);
    this.cursor = /"cursor":"([^"]+)"/.exec(text)[1];
    if (frames % SAMPLED === 0) lags.push(Date.now() - Date.parse(/"timestamp":"([^"]+)"/.exec(text)[1]));
  }
}

/** A socket that asks for everything since then and never reads an answer. */
async function deaf(after) {
  const { hostname, port } = new URL(where.url);
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  const one = { ended: false };
  socket.on('close', () => { one.ended = true; });
  await once(socket, 'connect');
  socket.write(`GET /ws HTTP/1.1\r\nHost: ${hostname}:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\nAuthorization: Bearer ${where.token}\r\n\r\n`);
  const [answer] = await once(socket, 'data');
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(answer.toString('latin1').slice(0, 200));
  const payload = Buffer.from(JSON.stringify({ type: 'subscribe', filter: {}, after }));
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]));
  socket.pause();
  return Object.assign(one, { socket });
}

const batches = async (items, step) => { for (let at = 0; at < items.length; at += 50) await Promise.all(items.slice(at, at + 50).map(step)); };
const sum = (of) => all.reduce((total, client) => total + of(client), 0);

const answers = {
  async open({ url, token, clients }) {
    where = { url, token };
    all = Array.from({ length: clients }, () => new Client());
    await batches(all, (client) => client.open());
    [frames, lags, since] = [0, [], performance.now()];
    return { open: all.length };
  },
  report() {
    const seconds = (performance.now() - since) / 1000;
    const answer = { framesPerSecond: Math.round(frames / seconds), lagMs: summarise(lags.length > 0 ? lags : [0]), gaps: sum(({ gaps }) => gaps), repeats: sum(({ repeats }) => repeats), closed: sum(({ closed }) => Number(closed !== null)) };
    [frames, lags, since] = [0, [], performance.now()];
    return answer;
  },
  async cut() {
    for (const { socket } of all) socket.terminate();
    return { cut: all.length };
  },
  async back() {
    const begun = performance.now();
    await batches(all, (client) => client.open());
    const opened = performance.now() - begun;
    for (let before = -1; performance.now() - begun < CAUGHT_UP_MS_MAX;) {
      const lasts = new Set(all.map(({ last }) => last));
      if (lasts.size === 1 && frames === before) break;
      before = frames;
      await new Promise((resolve) => { setTimeout(resolve, 100); });
    }
    const answer = { openedMs: Math.round(opened), caughtUpMs: Math.round(performance.now() - begun), gaps: sum(({ gaps }) => gaps), repeats: sum(({ repeats }) => repeats), apart: new Set(all.map(({ last }) => last)).size - 1 };
    [frames, lags, since] = [0, [], performance.now()];
    return answer;
  },
  async silent({ clients, after }) {
    silent = await Promise.all(Array.from({ length: clients }, () => deaf(after)));
    [frames, lags, since] = [0, [], performance.now()];
    return { open: silent.length };
  },
  async silentReport() {
    // Only who reads hears that it was cut.
    for (const { socket } of silent) socket.resume();
    await new Promise((resolve) => { setTimeout(resolve, 3_000); });
    return { cut: silent.filter(({ ended }) => ended).length };
  },
};

process.on('message', async (message) => {
  try {
    process.send(await answers[message.type](message));
  } catch (error) {
    process.send({ error: error.stack });
  }
});
process.on('disconnect', () => process.exit(0));
