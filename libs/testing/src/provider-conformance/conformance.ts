import { afterAll, beforeAll, describe } from '@jest/globals';
import { itAsks } from './asks.js';
import { Bench } from './bench.js';
import type { ConformingDriver } from './conforming-driver.js';
import { itContinues } from './continues.js';
import { itEnds, itEndsLate } from './ends.js';
import { itFreezes } from './freezes.js';
import { itListens } from './listens.js';
import { itOutlivesItsRunner } from './outlives.js';
import { itPauses } from './pauses.js';
import { itSpeaks } from './speaks.js';

/** Start of nats-server and runner, and the look at the agent. */
const OPEN_MS = 60_000;

/**
 * What every driver must hold (design §7), with a real agent, the real runner and a real nats-server.
 * What the driver's capabilities say it cannot do is checked to be answered NOT_SUPPORTED. To be called
 * in a spec, once for each agent behind the driver.
 */
export function describeDriverConformance(name: string, driver: ConformingDriver): void {
  describe(`the driver ${name} conforms:`, () => {
    const bench = new Bench(driver);
    beforeAll(() => bench.open(), OPEN_MS);
    afterAll(() => bench.world?.close());

    const late = itEndsLate(bench);
    itSpeaks(bench);
    itListens(bench);
    itPauses(bench);
    itFreezes(bench);
    itAsks(bench);
    itContinues(bench);
    itEnds(bench);
    late();
    itOutlivesItsRunner(bench);
  });
}
