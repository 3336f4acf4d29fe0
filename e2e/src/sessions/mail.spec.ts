import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventEnvelope, Mail, SessionView } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

describe('mail to a running agent', () => {
  let scenario: Scenario;
  let projectId: string;

  beforeAll(async () => {
    scenario = await Scenario.start();
    projectId = (await scenario.project()).id;
  }, 90_000);
  afterAll(() => scenario.stop(), 30_000);

  /** An agent that has done its first turn and waits for more. */
  async function idle(more: object = {}): Promise<SessionView> {
    const { id } = await scenario.spawn(projectId, { mode: 'interactive', ...more });
    return scenario.until(id, (session) => session.state === 'running' && session.activity === 'idle', 'between two turns');
  }

  const mail = (id: string): Promise<Mail> => scenario.api.get<Mail>(`/api/mail/${id}`);
  const eventsOf = async (sessionId: string): Promise<EventEnvelope[]> => (await pageAll((path) => scenario.api.get(path))).filter((event) => event.sessionId === sessionId);
  const settled = (id: string): Promise<Mail> => eventually(async () => {
    const now = await mail(id);
    return now.state === 'queued' ? null : now;
  }, { what: 'its delivery' });

  it('becomes its next prompt, and counts as delivered when it has it, as read only when somebody says so', async () => {
    const session = await idle();
    const sent = await scenario.api.post<Mail>('/api/mail', { toSessionId: session.id, subject: 'One more thing', body: 'Mind the gap.' });
    expect(sent).toMatchObject({ state: 'queued', fromSessionId: null, fromName: 'admin', type: 'directive', threadId: sent.id });

    expect(await settled(sent.id)).toMatchObject({ state: 'delivered', deliveredBy: 'input' });
    const events = await eventsOf(session.id);
    const inputs = events.filter(({ type, data }) => type === 'input' && (data as { source: string }).source === 'mail');
    expect(inputs).toHaveLength(1);
    expect((inputs[0].data as { text: string }).text).toContain('Mind the gap.');
    expect(events.filter(({ type }) => type.startsWith('mail:')).map(({ type }) => type)).toEqual(['mail:received', 'mail:delivered']);
    expect(await scenario.api.post<Mail>(`/api/mail/${sent.id}/read`)).toMatchObject({ state: 'read' });
  }, 60_000);

  it('that comes in the middle of a turn waits for its end', async () => {
    const { id } = await scenario.spawn(projectId, { mode: 'interactive', custom: { demo: { numbered: 20, delayMs: 50 } } });
    await scenario.until(id, ({ activity }) => activity !== 'idle', 'at work');
    const sent = await scenario.api.post<Mail>('/api/mail', { toSessionId: id, body: 'Later, please.' });
    await settled(sent.id);
    const types = (await eventsOf(id)).map(({ type, data }) => (type === 'metadata' ? (data as { key: string }).key : type));
    expect(types.indexOf('turn_ended')).toBeLessThan(types.indexOf('mail:delivered'));
    expect(types.indexOf('turn_ended')).toBeGreaterThan(0);
  }, 60_000);

  it('tells a parent once that its child needs input, and once that it has finished; the answer reaches the child', async () => {
    const parent = await idle();
    const child = await scenario.spawn(projectId, { parentSessionId: parent.id, name: 'Child', custom: { demo: { askInput: true } } });
    await scenario.until(child.id, ({ needsInput }) => needsInput !== null, 'asking');

    const answer = await scenario.api.post<Mail>('/api/mail', { fromSessionId: parent.id, toSessionId: child.id, type: 'response', body: 'All of it.' });
    expect(await settled(answer.id)).toMatchObject({ deliveredBy: 'input' });
    expect(await scenario.ended(child.id)).toMatchObject({ status: 'completed', needsInput: null });

    const inbox = await eventually(async () => {
      const { items } = await scenario.api.get<{ items: Mail[] }>(`/api/mail/inbox/${parent.id}`);
      return items.length >= 2 && items.every(({ state }) => state === 'delivered') ? items : null;
    }, { what: 'both mails with the parent' });
    expect(inbox.map(({ type, fromSessionId, subject }) => ({ type, fromSessionId, subject }))).toEqual([
      { type: 'notification', fromSessionId: child.id, subject: 'Needs input: Child' },
      { type: 'notification', fromSessionId: child.id, subject: 'Finished: Child' },
    ]);
  }, 90_000);

  it('whose session has ended is refused with a clear code, or kept when that is asked for', async () => {
    const ended = await scenario.ended((await scenario.spawn(projectId)).id);
    const refused = await scenario.api.request('POST', '/api/mail', { body: { toSessionId: ended.id, body: 'Too late?' } });
    expect(refused).toMatchObject({ status: 409, body: { code: 'SESSION_ENDED', sessionId: ended.id } });
    const kept = await scenario.api.post<Mail>('/api/mail', { toSessionId: ended.id, body: 'For later.', keepForContinuation: true });
    expect(kept).toMatchObject({ state: 'queued', toSessionId: ended.id });
  }, 60_000);
});
