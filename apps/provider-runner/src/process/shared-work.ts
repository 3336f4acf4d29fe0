import { setTimeout as delay } from 'node:timers/promises';

/**
 * One and the same work for all who ask for it at about the same time: a hundred runs that end together
 * would otherwise read a thousand processes a hundred times over, and nothing else would be done.
 */
export class SharedWork<T> {
  private pending: Promise<T> | undefined;
  private last: Promise<unknown> = Promise.resolve();
  private restUntil = 0;

  /** @param restFactor how long is rested after it, as a multiple of what it took */
  constructor(private readonly work: () => T | Promise<T>, private readonly restFactor: number) {}

  /** What comes of one that begins after this call. */
  next(): Promise<T> {
    this.pending ??= this.later();
    return this.pending;
  }

  private async later(): Promise<T> {
    await this.last;
    await delay(Math.max(0, this.restUntil - performance.now()));
    this.pending = undefined;
    const begun = performance.now();
    const working = Promise.resolve(this.work());
    this.last = working.catch(() => undefined).then(() => {
      const ended = performance.now();
      this.restUntil = ended + (ended - begun) * this.restFactor;
    });
    return working;
  }
}
