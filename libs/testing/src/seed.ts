/** Chance that can be had again: the same numbers from the same seed (mulberry32). */
export class Chance {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed >>> 0;
  }

  /** From 0 to below 1. */
  next(): number {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** A whole number from `from` to `to`, both included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  /** True once in `n` on average. */
  oneIn(n: number): boolean {
    return this.next() * n < 1;
  }

  pick<T>(all: readonly T[]): T {
    if (all.length === 0) throw new Error('There is nothing to pick from.');
    return all[Math.floor(this.next() * all.length)];
  }

  shuffle<T>(all: readonly T[]): T[] {
    const left = [...all];
    for (let at = left.length - 1; at > 0; at -= 1) {
      const other = this.between(0, at);
      [left[at], left[other]] = [left[other], left[at]];
    }
    return left;
  }

  /** Another one that does not disturb this one, however much is drawn from it: for what runs at the same time. */
  fork(): Chance {
    return new Chance(Math.floor(this.next() * 4_294_967_296));
  }
}

/** `ORBITMESH_FAULT_SEED`, to repeat a run that failed; else another one each time. Say it where something fails. */
export function faultSeed(): number {
  const { ORBITMESH_FAULT_SEED: wanted } = process.env;
  return wanted === undefined ? Math.floor(Math.random() * 4_294_967_296) : Number(wanted);
}
