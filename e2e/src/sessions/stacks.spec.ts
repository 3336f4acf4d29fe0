import { afterEach, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { eventually, inFull, startNats, startStack, type TestNats } from '@orbitmesh/testing';
import { Api } from '../support/api.js';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

describe('two stacks', () => {
  let scenarios: Scenario[] = [];
  let nats: TestNats | null = null;

  afterEach(async () => {
    for (const scenario of scenarios.reverse()) await scenario.stop();
    scenarios = [];
    await nats?.stop();
    nats = null;
  }, 60_000);

  inFull('with two homes on one NATS do not see each other', async () => {
    nats = await startNats();
    scenarios = await Promise.all([1, 2].map(() => Scenario.start({ natsUrl: nats!.url })));
    const ids = await Promise.all(scenarios.map(async (scenario) => {
      const { id } = await scenario.spawn((await scenario.project()).id);
      expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'completed' } });
      return id;
    }));
    for (const [n, scenario] of scenarios.entries()) {
      const events = await pageAll((path) => scenario.api.get(path));
      expect(events.map((event) => event.seq)).toEqual(events.map((_event, index) => index + 1));
      expect(new Set(events.flatMap((event) => event.sessionId ?? []))).toEqual(new Set([ids[n]]));
      expect((await scenario.api.get<{ items: unknown[] }>('/api/runners')).items).toHaveLength(1);
      const other = scenarios[1 - n];
      expect(await new Api(scenario.stack.url, other.stack.token).request('GET', '/api/sessions')).toMatchObject({ status: 401 });
    }
  }, 120_000);

  // The launcher's own spec has it in short.
  inFull('on one home are one too many: the second is refused, the first goes on', async () => {
    const scenario = await Scenario.start();
    scenarios = [scenario];
    const second = await startStack({ home: scenario.stack.home, waitReady: false });
    await eventually(() => second.launcher.exitCode !== null, { what: 'its refusal' });
    expect(second.launcher.exitCode).toBe(1);
    expect(second.output).toContain(`already runs in ${scenario.stack.home}: launcher pid ${scenario.stack.launcher.pid}`);
    expect((await scenario.api.request('GET', '/health/ready')).status).toBe(200);
  }, 90_000);

  it('one after the other on one home are one installation: same token, same sessions, same port', async () => {
    const first = await Scenario.start();
    const home = first.stack.home;
    scenarios = [first];
    const { id } = await first.spawn((await first.project()).id);
    const ended = await first.ended(id);
    expect(await first.stack.interrupt()).toMatchObject({ code: 0 });
    const second = await Scenario.start({ home });
    scenarios.push(second);
    expect(second.stack.url).toBe(first.stack.url);
    expect(second.stack.token).toBe(first.stack.token);
    expect(await second.session(id)).toEqual(ended);
    expect((await readFile(join(home, 'installation.json'), 'utf8'))).toContain('installationId');
  }, 120_000);
});
