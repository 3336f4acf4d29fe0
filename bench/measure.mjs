/** Shared by the benches: percentiles, the machine, and a bounded load of concurrent loops. */
import { cpus, totalmem } from 'node:os';

export function percentile(sorted, p) {
  return sorted[Math.min(sorted.length - 1, Math.floor((p / 100) * sorted.length))];
}

export function summarise(samplesMs) {
  const sorted = Float64Array.from(samplesMs).sort();
  const round = (n) => Math.round(n * 100) / 100;
  return { n: sorted.length, p50: round(percentile(sorted, 50)), p95: round(percentile(sorted, 95)), p99: round(percentile(sorted, 99)), max: round(sorted.at(-1)) };
}

/** Runs `lanes` loops of `step(lane, i)` for `durationMs`; answers operations a second. */
export async function perSecond(lanes, durationMs, step) {
  const started = performance.now();
  let count = 0;
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    for (let i = 0; performance.now() - started < durationMs; i++) { await step(lane, i); count++; }
  }));
  return Math.round(count / ((performance.now() - started) / 1000));
}

export function machine() {
  return { node: process.version, cpu: cpus()[0]?.model ?? 'unknown', cores: cpus().length, memoryGiB: Math.round(totalmem() / 2 ** 30) };
}

export const ratio = (ours, bare) => Math.round((ours / bare) * 100) / 100;
