/**
 * What the stack is measured against: bare Fastify with a bare `ws`, one process, no validation, no second
 * process, no log record: a JSON body in, one line appended with a shared fdatasync, a JSON body and a frame out.
 */
import { open, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fastify from 'fastify';
import { WebSocketServer } from 'ws';

const dir = await mkdtemp(join(tmpdir(), 'orbitmesh-bare-'));
const file = await open(join(dir, 'log'), 'a');
let queue = []; let busy = false; let n = 0;
const tasks = new Map();

async function drain() {
  busy = true;
  while (queue.length > 0) {
    const batch = queue; queue = [];
    await file.appendFile(batch.map((b) => b.line).join(''));
    await file.datasync();
    for (const b of batch) b.resolve();
  }
  busy = false;
}
const durable = (doc) => new Promise((resolve) => { queue.push({ line: JSON.stringify(doc) + '\n', resolve }); if (!busy) void drain(); });

const app = fastify();
const wss = new WebSocketServer({ noServer: true });
app.server.on('upgrade', (req, socket, head) => wss.handleUpgrade(req, socket, head, () => {}));
app.post('/tasks', async (req, reply) => {
  const doc = { id: `task_${++n}`, ...req.body };
  await durable(doc);
  tasks.set(doc.id, doc);
  const frame = JSON.stringify({ type: 'event', event: { type: 'task:created', data: doc } });
  for (const client of wss.clients) client.send(frame);
  return reply.code(201).send(doc);
});
app.post('/notes', async (req, reply) => {
  const doc = { id: `note_${++n}`, ...req.body };
  await durable(doc);
  return reply.code(201).send(doc);
});
app.get('/tasks', async ({ query: { limit = 50, cursor = '' } }) => {
  const ids = [...tasks.keys()];
  const from = cursor ? ids.indexOf(cursor) + 1 : 0;
  const items = ids.slice(from, from + Number(limit)).map((id) => tasks.get(id));
  return { items, nextCursor: from + items.length < ids.length ? items.at(-1).id : null };
});
app.get('/tasks/:id', async (req) => tasks.get(req.params.id));
await app.listen({ host: '127.0.0.1', port: 0 });
process.send({ port: app.server.address().port });
process.on('disconnect', async () => { await file.close(); await rm(dir, { recursive: true }); process.exit(0); });
