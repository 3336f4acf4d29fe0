import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { EventEnvelope, Mail, SessionView } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';
import { FAULT_TEST_MS, inFaultRun } from './how-often.js';

const SESSIONS = 20;
const MAILS = 1_000;
const KILLS_EACH = 5;
/** Senders at once. */
const LANES = 8;
/** One wait of a client, seconds: short, so that its end is soon noticed. */
const WAIT_SECONDS = 2;

/** What one client got by `wait`, as a client does that goes on where it was, whatever answers on the way are lost. */
class Waiter {
  readonly got: Mail[] = [];
  stopped = false;
  private after: string | null = null;

  constructor(private readonly scenario: Scenario, readonly sessionId: string) {}

  async run(): Promise<void> {
    while (!this.stopped) {
      const query = `timeout=${WAIT_SECONDS}${this.after === null ? '' : `&after=${this.after}`}`;
      const answer = await this.scenario.api.request<{ items?: Mail[]; nextCursor?: string | null }>('GET', `/api/mail/wait/${this.sessionId}?${query}`).catch(() => null);
      if (answer?.status !== 200) continue;
      this.got.push(...answer.body.items!);
      this.after = answer.body.nextCursor ?? this.after;
    }
  }
}

inFaultRun('mail', () => {
  let scenario: Scenario;
  let home: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'om-home-'));
    await writeFile(join(home, 'providers.json'), JSON.stringify({ idle: { driver: 'process', command: ['/bin/sleep', '3600'] } }), { mode: 0o600 });
    scenario = await Scenario.start({ home, env: { ORBITMESH_RUNNER_CAPACITY: String(SESSIONS) } });
  }, 90_000);
  afterAll(async () => {
    await scenario.stop();
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  it('among many sessions is delivered once each, and no wait misses any, while session-service and notifier are killed', async () => {
    const { id: projectId } = await scenario.project();
    const sessions = await Promise.all(Array.from({ length: SESSIONS }, () => scenario.spawn(projectId, { providerType: 'idle' })));
    for (const { id } of sessions) await scenario.running(id);
    const waiters = sessions.map(({ id }) => new Waiter(scenario, id));
    const waiting = waiters.map((waiter) => waiter.run());
    const sent: Mail[] = [];
    const sending = sendAll(sessions, sent);
    for (let n = 1; n <= KILLS_EACH; n += 1) {
      for (const service of ['session-service', 'notifier']) {
        await eventually(() => sent.length >= Math.floor(((n - 0.5) * MAILS) / (KILLS_EACH + 1)), { what: 'the moment', timeoutMs: FAULT_TEST_MS });
        await scenario.stack.killAndWait(service);
      }
    }
    await sending;
    await eventually(() => waiters.reduce((all, { got }) => all + got.length, 0) >= MAILS, { what: 'all mail', timeoutMs: 60_000 });
    for (const waiter of waiters) waiter.stopped = true;
    await Promise.all(waiting);

    for (const { sessionId, got } of waiters) {
      const expected = sent.filter(({ toSessionId }) => toSessionId === sessionId).map(({ id }) => id).sort();
      expect(got.map(({ id }) => id)).toEqual(expected);
      expect(new Set(got.map(({ state }) => state))).toEqual(new Set(expected.length > 0 ? ['delivered'] : []));
    }
    const events = await pageAll((path) => scenario.api.get(path));
    const ids = sent.map(({ id }) => id).sort();
    expect(idsOf(events, 'mail:received')).toEqual(ids);
    expect(idsOf(events, 'mail:delivered')).toEqual(ids);
  }, FAULT_TEST_MS);

  /** Each under a key of its own, repeated until it is answered. */
  async function sendAll(sessions: readonly SessionView[], sent: Mail[]): Promise<void> {
    let next = 0;
    await Promise.all(Array.from({ length: LANES }, async () => {
      while (next < MAILS) {
        const n = next++;
        const [from, to] = [sessions[n % SESSIONS], sessions[(n * 7 + 1) % SESSIONS]];
        const toSessionId = to.id === from.id ? sessions[(n + 1) % SESSIONS].id : to.id;
        sent.push(await scenario.api.insist<Mail>('POST', '/api/mail', { fromSessionId: from.id, toSessionId, type: 'query', subject: `Mail ${n}`, body: `Number ${n}` }));
      }
    }));
  }
});

function idsOf(events: readonly EventEnvelope[], type: string): string[] {
  return events.filter((event) => event.type === type).map(({ data }) => (data as Mail).id).sort();
}
