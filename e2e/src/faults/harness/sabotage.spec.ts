import { rm } from 'node:fs/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import { faultSeed, LONG } from '@orbitmesh/testing';
import { BrokenPromise, Harness } from './harness.js';
import { SabotagedCheckout, SABOTAGES } from './sabotage.js';

/** Chance may spare a sabotage in one round; that it does so in all of them would be a harness that does not see it. */
const ROUNDS_MAX = 6;
const SABOTAGE_MS_MAX = 400_000;
/** `npm test` takes the one that the promise rests on most. */
const NAMES = LONG ? Object.keys(SABOTAGES) : ['commands are acknowledged before they are durable'];

describe('the harness finds out when', () => {
  const seed = faultSeed();
  let harness: Harness | undefined;
  let checkout: SabotagedCheckout | undefined;
  afterEach(async () => {
    await harness?.stop().catch(() => undefined);
    checkout?.remove();
    for (const dir of harness?.kept ?? []) await rm(dir, { recursive: true, force: true });
    harness = undefined;
  }, 90_000);

  it.each(NAMES)(`%s (seed ${seed})`, async (name) => {
    const sabotage = SABOTAGES[name];
    checkout = await SabotagedCheckout.make(sabotage);
    const launcher = checkout.launcher;
    const rounds = sabotage.rounds ?? ROUNDS_MAX;
    const found = (async () => {
      harness = await Harness.start({ seed, faults: sabotage.faults, launcher, sessionsPerRound: 3 });
      for (let n = 0; n < rounds; n += 1) await harness.round();
    })();
    const broken = await found.then(() => null, (error: unknown) => error);
    if (!(broken instanceof BrokenPromise)) throw broken ?? new Error(`Nothing was seen in ${rounds} rounds.`);
    expect(broken.message).toMatch(sabotage.shows);
  }, SABOTAGE_MS_MAX);
});
