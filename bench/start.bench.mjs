/** How long session-service takes from its start to ready on a home with much in it, and what memory it then has. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startNats } from '@orbitmesh/testing';
import { fillHome } from './fill-home.mjs';
import { ratio } from './measure.mjs';

const SERVICE = fileURLToPath(new URL('../apps/session-service/dist/main.js', import.meta.url));

/** ms to ready, and the resident memory then and at most until then, MiB. */
export async function start(home, natsUrl) {
  const since = performance.now();
  const child = fork(SERVICE, [], { env: { PATH: process.env.PATH, ORBITMESH_HOME: home, ORBITMESH_NATS_URL: natsUrl, ORBITMESH_LOG_LEVEL: 'error', UV_THREADPOOL_SIZE: '16' }, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const ready = new Promise((resolve, reject) => {
    child.on('message', (message) => { if (message.type === 'ready') resolve(performance.now() - since); });
    child.once('exit', (code) => reject(new Error(`session-service ended with ${code}`)));
  });
  try {
    const ms = await ready;
    return { ms: Math.round(ms), mib: await statusMiB(child.pid, 'VmRSS'), mibMax: await statusMiB(child.pid, 'VmHWM') };
  } finally {
    child.send({ type: 'shutdown' }, () => undefined);
    await once(child, 'exit');
  }
}

/** null where there is no /proc. */
async function statusMiB(pid, field) {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1];
  return kib === undefined ? null : Math.round(Number(kib) / 1024);
}

export async function startBench({ sessions = 10_000, tasks = 50_000 } = {}) {
  const nats = await startNats();
  const homes = [];
  const home = async () => { const path = await mkdtemp(join(tmpdir(), 'orbitmesh-bench-home-')); homes.push(path); return path; };
  try {
    const [empty, full] = [await home(), await home()];
    const bare = await start(empty, nats.url);
    await fillHome(full, { sessions, tasks });
    const ours = await start(full, nats.url);
    const what = `${sessions} sessions and ${tasks} tasks`;
    return [
      { what: `start to ready with ${what}, ms (beside an empty home)`, ours: ours.ms, bare: bare.ms, ratio: ratio(ours.ms, bare.ms) },
      { what: `memory then, MiB (beside an empty home)`, ours: ours.mib, bare: bare.mib, ratio: ours.mib === null ? null : ratio(ours.mib, bare.mib) },
    ];
  } finally {
    await nats.stop();
    for (const path of homes) await rm(path, { recursive: true, force: true });
  }
}
