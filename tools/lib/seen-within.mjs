import { setTimeout as wait } from 'node:timers/promises';

/** What `look` gives once it gives something, asked again and again. @throws after `msMax`: it was in vain */
export async function seenWithin(msMax, everyMs, what, look) {
  const since = performance.now();
  for (;;) {
    const seen = await look();
    if (seen) return seen;
    if (performance.now() - since > msMax) throw new Error(`in vain: ${what}`);
    await wait(everyMs);
  }
}
