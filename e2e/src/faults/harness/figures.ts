import type { Harness } from './harness.js';

/** Of what was measured, sorted: half of it, all but a hundredth of it, and all of it is not above. */
export interface Spread { count: number; p50: number; p99: number; max: number }

export interface Figures {
  seed: number;
  rounds: number;
  acknowledged: number;
  /** Received by clients, who compared each with the log. */
  received: number;
  retries: number;
  faults: Record<string, number>;
  readyMs: Spread | null;
  liveMs: Spread | null;
}

export function spreadOf(values: readonly (number | null)[]): Spread | null {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b).map(Math.round);
  if (sorted.length === 0) return null;
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted[sorted.length - 1] };
}

export function figuresOf({ seed, rounds, ledger, client }: Harness): Figures {
  const faults: Record<string, number> = {};
  for (const { fault } of rounds) faults[fault] = (faults[fault] ?? 0) + 1;
  return {
    seed, rounds: rounds.length, acknowledged: ledger.acknowledged, received: ledger.received, retries: client.retries, faults,
    readyMs: spreadOf(rounds.map(({ readyMs }) => readyMs)), liveMs: spreadOf(rounds.map(({ liveMs }) => liveMs)),
  };
}

/** After a round, when all was quiet; monotonic ms. */
export interface Use { at: number; mib: number }

/** MiB a minute: the slope of the line through what a process used, by least squares. */
export function memorySlope(rounds: readonly Use[]): number {
  const count = rounds.length;
  const meanAt = rounds.reduce((sum, { at }) => sum + at, 0) / count;
  const meanMib = rounds.reduce((sum, { mib }) => sum + mib, 0) / count;
  const above = rounds.reduce((sum, { at, mib }) => sum + (at - meanAt) * (mib - meanMib), 0);
  const below = rounds.reduce((sum, { at }) => sum + (at - meanAt) ** 2, 0);
  return (above / below) * 60_000;
}

export function said(figures: Figures): string {
  const spread = (name: string, value: Spread | null): string => (value ? `; ${name} p50 ${value.p50}, p99 ${value.p99}, max ${value.max} ms (${value.count})` : '');
  return `seed ${figures.seed}: ${figures.rounds} rounds, ${figures.acknowledged} commands acknowledged after ${figures.retries} repeats, ${figures.received} events received`
    + `${spread('ready again', figures.readyMs)}${spread('live again after NATS', figures.liveMs)}`;
}

