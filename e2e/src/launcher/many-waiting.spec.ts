import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SessionView } from '@orbitmesh/domain';
import type { Page } from '@orbitmesh/contracts';
import { LONG } from '@orbitmesh/testing';
import { Scenario } from '../support/scenario.js';

const WAITING = 1_500;
const CLIENTS = 16;

(LONG ? describe : describe.skip)(`Ctrl-C with ${WAITING} sessions that wait for a runner`, () => {
  let scenario: Scenario;
  beforeEach(async () => { scenario = await Scenario.start({ env: { ORBITMESH_RUNNER_CAPACITY: '1' } }); }, 90_000);
  afterEach(() => scenario.stop(), 60_000);

  it('ends in order, within its ten seconds', async () => {
    const { id: projectId } = await scenario.project();
    let left = WAITING;
    await Promise.all(Array.from({ length: CLIENTS }, async () => {
      while (left-- > 0) await scenario.spawn(projectId, { custom: { demo: { hang: true } } });
    }));
    expect((await scenario.api.get<Page<SessionView>>('/api/sessions?state=created&limit=200')).items).toHaveLength(200);

    const end = await scenario.stack.interrupt();

    expect(end).toMatchObject({ code: 0 });
    expect(end.ms).toBeLessThan(10_000);
  }, 180_000);
});
