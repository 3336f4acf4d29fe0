import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { faultSeed, LONG } from '@orbitmesh/testing';
import { figuresOf, memorySlope, said, type Use } from './figures.js';
import { Harness } from './harness.js';

/** `npm run test:faults` sets these; by hand they may be set, too. */
const { ORBITMESH_FAULT_ROUNDS, ORBITMESH_FAULT_NAMES, ORBITMESH_FAULT_SESSIONS, ORBITMESH_FAULT_SOAK_MINUTES, ORBITMESH_FAULT_RESULTS } = process.env;
const ROUNDS = Number(ORBITMESH_FAULT_ROUNDS ?? (LONG ? 25 : 1));
const SESSIONS = Number(ORBITMESH_FAULT_SESSIONS ?? 0);
const SOAK_MINUTES = Number(ORBITMESH_FAULT_SOAK_MINUTES ?? 0);
const FAULTS = ORBITMESH_FAULT_NAMES?.split(',');
/** A soak's first half. */
const SOAK_FAULTS = ['freeze', 'kill', 'terminate'];
/** Its second half: every process lives on, so that what grows is to be seen. */
const LIVING_FAULTS = ['freeze'];
const ROUND_MS_MAX = 180_000;
const FILL_MS_MAX = 300_000;
/** Of what is in use once collected, all processes together: what they have of the machine goes up and down with the collector's moods. */
const MIB_A_MINUTE_MAX = 1;
/** That session-service remembers of each command for a day, of up to 200,000: growth that has a bound, and so is not counted. */
const ANSWER_BYTES = 280;
/**
 * Of the second half: then session-service and the gateway have as many of the newest in memory as they keep (16 MiB of JSON, some
 * 850 bytes each); until then they grow by tens of MiB, however fast it comes.
 */
const WARM_EVENTS = 25_000;
/** A line through fewer rounds says little. */
const MEASURED_ROUNDS_MIN = 60;

const MIB = 1024 * 1024;

const seed = faultSeed();
const tell = (line: string): void => { process.stderr.write(`${line}\n`); };

describe(`under faults of seed ${seed}`, () => {
  let harness: Harness | undefined;
  let home: string | undefined;

  afterEach(async () => {
    await harness?.stop();
    if (home !== undefined && harness?.kept.length === 0) await rm(home, { recursive: true, force: true });
  }, 90_000);

  it(`keeps what it acknowledged and tells every client all of it once, in ${ROUNDS} rounds${SESSIONS > 0 ? ` with ${SESSIONS} sessions on disk` : ''}`, async () => {
    if (SESSIONS > 0) home = await filledHome();
    harness = await Harness.start({ seed, faults: FAULTS, home, ...(LONG && { say: tell }) });
    for (let n = 0; n < ROUNDS; n += 1) await harness.round();
    const figures = figuresOf(harness);
    tell(said(figures));
    if (ORBITMESH_FAULT_RESULTS) await appendFile(ORBITMESH_FAULT_RESULTS, `${JSON.stringify({ what: 'rounds', sessionsOnDisk: SESSIONS, ...figures })}\n`);
    expect(figures.acknowledged).toBeGreaterThan(ROUNDS * 40);
  }, FILL_MS_MAX + 90_000 + ROUNDS * ROUND_MS_MAX);

  (SOAK_MINUTES > 0 ? it : it.skip)(`does so for ${SOAK_MINUTES} minutes, and grows by less than ${MIB_A_MINUTE_MAX} MiB a minute`, async () => {
    const [halfAt, until] = [1, 2].map((half) => performance.now() + SOAK_MINUTES * 30_000 * half);
    harness = await Harness.start({ seed, faults: SOAK_FAULTS, say: tell });
    while (performance.now() < halfAt) await harness.round();
    const uses = new Map<string, Use[]>();
    let acknowledged = 0;
    for (let events = 0, measured = 0; performance.now() < until || measured < MEASURED_ROUNDS_MIN; ) {
      const round = await harness.round(LIVING_FAULTS);
      events += round.events;
      if (events < WARM_EVENTS) continue;
      measured += 1;
      acknowledged += round.acknowledged;
      const remembered = acknowledged * ANSWER_BYTES / MIB;
      for (const [name, mib] of await harness.machine.used()) uses.set(name, [...uses.get(name) ?? [], { at: performance.now(), mib: name === 'session-service' ? mib - remembered : mib }]);
    }
    const figures = figuresOf(harness);
    const slopes = Object.fromEntries([...uses].map(([name, used]) => [name, memorySlope(used)]));
    const slope = Object.values(slopes).reduce((sum, one) => sum + one, 0);
    tell(`${said(figures)}; memory ${slope.toFixed(2)} MiB a minute: ${Object.entries(slopes).map(([name, one]) => `${name} ${one.toFixed(2)} (at last ${uses.get(name)!.at(-1)!.mib.toFixed(0)})`).join(', ')}`);
    if (ORBITMESH_FAULT_RESULTS) await appendFile(ORBITMESH_FAULT_RESULTS, `${JSON.stringify({ what: 'soak', minutes: SOAK_MINUTES, mibAMinute: slope, slopes, rememberedMiB: acknowledged * ANSWER_BYTES / MIB, ...figures })}\n`);
    expect(slope).toBeLessThan(MIB_A_MINUTE_MAX);
  }, 3 * SOAK_MINUTES * 60_000 + 90_000 + ROUND_MS_MAX);
});

async function filledHome(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'om-home-'));
  // Plain JavaScript outside of every project: imported by its place in the checkout.
  const { fillHome } = await import(new URL('../../../../bench/fill-home.mjs', import.meta.url).href) as { fillHome(home: string, content: object): Promise<void> };
  await fillHome(path, { sessions: SESSIONS, tasks: SESSIONS });
  return path;
}
