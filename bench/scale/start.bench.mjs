/** A home with very many ended sessions: until session-service is ready, its memory, and what a page of a list takes then, beside a home with few. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startNats, startStack } from '@orbitmesh/testing';
import { fillHome } from '../fill-home.mjs';
import { summarise } from '../measure.mjs';
import { start } from '../start.bench.mjs';

const PAGES = 100;

/** @param {{ sessions: number, few: number, outputs: number }} size each session with a task of its own and `outputs` + 18 events */
export async function starts({ sessions, few, outputs }) {
  return { many: await one(sessions, outputs), few: await one(few, outputs) };
}

async function one(sessions, outputs) {
  const home = await mkdtemp(join(tmpdir(), 'orbitmesh-scale-home-'));
  try {
    const events = await fillHome(home, { sessions, tasks: sessions, outputs });
    const nats = await startNats();
    const { ms, mib, mibMax } = await start(home, nats.url).finally(() => nats.stop());
    return { sessions, events, readyMs: ms, readyMiB: mib, mostMiB: mibMax, ...await lists(home) };
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function lists(home) {
  const stack = await startStack({ home });
  try {
    const get = async (path) => {
      const res = await fetch(`${stack.url}${path}`, { headers: { authorization: `Bearer ${stack.token}` } });
      if (!res.ok) throw new Error(`${path}: ${res.status} ${await res.text()}`);
      return res.json();
    };
    const times = [];
    for (let n = 0; n < PAGES; n += 1) {
      const since = performance.now();
      const { items } = await get('/api/sessions?limit=50');
      if (items.length !== 50) throw new Error(`a page of ${items.length}`);
      times.push(performance.now() - since);
    }
    const { p50, p99 } = summarise(times);
    return { pageMs: { p50, p99 } };
  } finally {
    await stack.stop();
  }
}
