import { afterAll, afterEach, beforeAll, describe, it } from '@jest/globals';
import type { SessionView } from '@orbitmesh/domain';
import { Chance, eventually, faultSeed, inFull, LONG } from '@orbitmesh/testing';
import { FIVE, Fleet, type Process } from '../support/fleet.js';
import { FAULT_TEST_MS } from './how-often.js';

const SEED = faultSeed();
const ORDERS = LONG ? 6 : 1;
/** Longer than a service needs until it stands before what is not there. */
const APART_MS = LONG ? 2_000 : 300;

describe(`random start orders of the five processes (seed ${SEED})`, () => {
  const chance = new Chance(SEED);
  let fleet: Fleet;

  beforeAll(async () => { fleet = await Fleet.create(); }, 60_000);
  afterEach(() => fleet.killAll(), 30_000);
  afterAll(() => fleet.remove(), 30_000);

  const startAll = async (order: readonly Process[]): Promise<void> => {
    for (const name of order) {
      await fleet.start(name);
      const until = performance.now() + chance.between(0, APART_MS);
      await eventually(() => performance.now() >= until);
    }
    await fleet.becomes(({ ready, checks }) => ready && checks.notifier, `readiness after ${order.join(', ')}`);
  };

  it.each(Array.from({ length: ORDERS }, () => chance.shuffle(FIVE)))('becomes ready, and runs a session, when they start as %s, %s, %s, %s, %s', async (...order) => {
    await startAll(order);

    const api = await fleet.api;
    const project = await api.post<{ id: string }>('/api/projects', { name: 'Order', workingDir: fleet.workingDir });
    const { id } = await api.post<SessionView>('/api/sessions/spawn', { projectId: project.id, initialDirective: 'Count', permissionMode: 'allow', custom: { demo: { numbered: 3, delayMs: 1 } } });
    const ended = await eventually(async () => {
      const session = await api.get<SessionView>(`/api/sessions/${id}`);
      return session.outcome && session;
    }, { what: 'the end of the session', timeoutMs: 30_000 });
    if (ended.outcome?.code !== 'completed') throw new Error(`the session came to ${JSON.stringify(ended.outcome)}`);
  }, FAULT_TEST_MS);

  inFull('says in /health/ready what of it is lost, one after the other, and is ready again by itself when it is back', async () => {
    await startAll(FIVE);
    const lost: [Process, (checks: { gateway: boolean; sessionService: boolean; runners: number; notifier: boolean }) => boolean, boolean][] = [
      ['nats', (checks) => !checks.gateway && !checks.sessionService && !checks.notifier && checks.runners === 0, false],
      ['session-service', (checks) => checks.gateway && !checks.sessionService && checks.notifier, false],
      ['provider-runner', (checks) => checks.gateway && checks.sessionService && checks.runners === 0, false],
      ['notifier', (checks) => checks.gateway && checks.sessionService && checks.runners === 1 && !checks.notifier, true],
    ];
    for (const [name, seen, stillReady] of lost) {
      await fleet.kill(name);
      await fleet.becomes(({ ready, checks }) => seen(checks) && ready === stillReady, `a word that ${name} is lost`);
      await fleet.start(name);
      await fleet.becomes(({ ready, checks }) => ready && checks.notifier, `readiness with ${name}`);
    }
  }, FAULT_TEST_MS);
});
