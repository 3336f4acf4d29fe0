/** Appends a second through the commit log, against a bare append + fdatasync that shares its syncs in the same way. */
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Store } from '@orbitmesh/storage';
import { perSecond, ratio } from './measure.mjs';

const RECORD_DATA = 'x'.repeat(200);

/** The least that deserves the name: everything queued while a sync runs goes out with the next one. */
class BareAppender {
  #queue = []; #busy = false; #file;
  constructor(file) { this.#file = file; }
  append(line) {
    return new Promise((resolve, reject) => { this.#queue.push({ line, resolve, reject }); if (!this.#busy) void this.#drain(); });
  }
  async #drain() {
    this.#busy = true;
    while (this.#queue.length > 0) {
      const batch = this.#queue; this.#queue = [];
      try {
        await this.#file.appendFile(batch.map((b) => b.line).join(''));
        await this.#file.datasync();
        for (const b of batch) b.resolve();
      } catch (error) { for (const b of batch) b.reject(error); }
    }
    this.#busy = false;
  }
}

async function bare(writers, durationMs) {
  const dir = await mkdtemp(join(tmpdir(), 'orbitmesh-bench-'));
  const file = await open(join(dir, 'log'), 'a');
  const appender = new BareAppender(file);
  const rate = await perSecond(writers, durationMs, (lane, i) =>
    appender.append(JSON.stringify({ type: 'bench', timestamp: new Date().toISOString(), data: { lane, i, text: RECORD_DATA } }) + '\n'));
  await file.close();
  await rm(dir, { recursive: true });
  return rate;
}

async function ours(writers, durationMs) {
  const dir = await mkdtemp(join(tmpdir(), 'orbitmesh-bench-'));
  const store = await Store.open({ dir, installationId: 'in_bench', collections: [] });
  const rate = await perSecond(writers, durationMs, (lane, i) =>
    store.commit({ events: [{ type: 'bench', timestamp: new Date().toISOString(), data: { lane, i, text: RECORD_DATA } }] }));
  await store.close();
  await rm(dir, { recursive: true });
  return rate;
}

export async function logBench({ durationMs = 3_000 } = {}) {
  const rows = [];
  for (const writers of [1, 16, 64]) {
    const bareRate = await bare(writers, durationMs);
    const oursRate = await ours(writers, durationMs);
    rows.push({ what: `log appends/s, ${writers} writers`, ours: oursRate, bare: bareRate, ratio: ratio(oursRate, bareRate) });
  }
  return rows;
}
