import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { EventEnvelope, Project } from '@orbitmesh/domain';
import { Feed, pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';
import { SecondGateway } from '../support/second-gateway.js';

const seqs = (events: EventEnvelope[]): number[] => events.map((event) => event.seq);
const contiguous = (numbers: number[]): number[] => numbers.map((_number, n) => numbers[0] + n);

describe('the feed', () => {
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    scenario = await Scenario.start();
    project = await scenario.project();
  }, 90_000);
  afterAll(() => scenario.stop(), 30_000);

  const page = (path: string): Promise<unknown> => scenario.api.get(path);

  it('brings a client that was there before every event once, in order', async () => {
    const feed = await Feed.open(scenario.stack);
    const sessions = await Promise.all([1, 2, 3].map(() => scenario.spawn(project.id, { custom: { demo: { numbered: 50 } } })));
    for (const { id } of sessions) await feed.until((event) => event.sessionId === id && event.type === 'notify:session_completed', `the end of ${id}`);
    expect(seqs(feed.events)).toEqual(contiguous(seqs(feed.events)));
    expect(feed.events).toEqual((await pageAll(page, feed.subscribed?.cursor)).slice(0, feed.events.length));
    await feed.close();
  }, 90_000);

  it('brings a session\'s own events, contiguous, and nothing of others, to a client that filters', async () => {
    const elsewhere = await scenario.project({ name: 'Elsewhere', workingDir: await scenario.anotherRepository() });
    const [one, other] = await Promise.all([scenario.spawn(project.id), scenario.spawn(elsewhere.id)]);
    const [byProject, byType] = await Promise.all([
      Feed.open(scenario.stack, { filter: { projectId: elsewhere.id } }), Feed.open(scenario.stack, { filter: { types: ['notify:*', 'project:deleted'] } }),
    ]);
    const bySession = await Feed.open(scenario.stack, { filter: { sessionIds: [one.id] }, after: (await pageAll(page))[0].cursor });
    await bySession.until((event) => event.type === 'notify:session_completed', 'the end');
    await Promise.all([scenario.ended(one.id), scenario.ended(other.id)]);
    await scenario.api.ok('DELETE', `/api/sessions/${one.id}`);
    await scenario.api.ok('DELETE', `/api/sessions/${other.id}`);
    await scenario.api.ok('DELETE', `/api/projects/${elsewhere.id}`);
    await byType.until((event) => event.type === 'project:deleted', 'the deleted project');
    await byProject.until((event) => event.type === 'project:deleted', 'the deleted project');
    await bySession.until((event) => event.type === 'session:deleted', 'the deleted session');
    expect(bySession.events.every((event) => event.sessionId === one.id)).toBe(true);
    expect(bySession.events.map((event) => event.sessionSeq)).toEqual(bySession.events.map((_event, n) => n + 1));
    expect(byProject.events.every((event) => event.projectId === elsewhere.id)).toBe(true);
    expect(byType.events.every((event) => event.type.startsWith('notify:') || event.type === 'project:deleted')).toBe(true);
    expect(byType.events.filter((event) => event.type === 'notify:session_completed').map((event) => event.sessionId).sort()).toEqual([one.id, other.id].sort());
    await Promise.all([byProject, byType, bySession].map((feed) => feed.close()));
  }, 90_000);

  it('is one at two gateways: spawned at one and followed at the other, cut, and gone on at the first; a repeat at either is done once', async () => {
    const beside = await SecondGateway.beside(scenario.stack);
    try {
      const there = await Feed.open(beside);
      const body = { projectId: project.id, initialDirective: 'Count', permissionMode: 'allow', custom: { demo: { numbered: 50 } } };
      const headers = { 'idempotency-key': randomUUID() };
      const twice = await Promise.all([scenario.api, beside.api].map((api) => api.request('POST', '/api/sessions/spawn', { body, headers })));
      expect(twice.map(({ body: session }) => session.id)).toEqual([twice[0].body.id, twice[0].body.id]);
      expect(twice.filter((answer) => answer.headers.get('idempotent-replayed') === 'true')).toHaveLength(1);
      await there.until((event) => event.sessionId === twice[0].body.id && event.type === 'output', 'its first output');
      const { ticket } = await scenario.api.post<{ ticket: string }>('/api/tickets');
      const enter = async (url: string) => (await fetch(`${url}/api/events/stream?ticket=${ticket}`, { method: 'HEAD' })).status;
      const entered = await Promise.all([enter(beside.url), enter(scenario.stack.url)]);
      expect(entered.sort()).toEqual([200, 401]);

      await beside.kill();
      const cut = there.events;
      const here = await Feed.open(scenario.stack, { after: cut.at(-1)!.cursor });
      expect(here.subscribed).toMatchObject({ resume: 'ok' });
      await here.until((event) => event.sessionId === twice[0].body.id && event.type === 'notify:session_completed', 'the end');
      const together = [...cut, ...here.events];
      expect(seqs(together)).toEqual(contiguous(seqs(together)));
      expect(together.filter((event) => event.type === 'session:created')).toHaveLength(1);
      await here.close();
    } finally {
      await beside.kill();
    }
  }, 90_000);

  it('goes on exactly where a client left, also after every service was restarted', async () => {
    const before = await Feed.open(scenario.stack);
    const first = await scenario.spawn(project.id);
    await before.until((event) => event.sessionId === first.id && event.type === 'notify:session_completed', 'the end');
    await before.close();
    const left = before.events[Math.floor(before.events.length / 2)];
    for (const service of ['api-gateway', 'session-service', 'notifier', 'provider-runner/slot-0', 'nats']) await scenario.stack.killAndWait(service);
    const second = await scenario.spawn(project.id);
    const after = await Feed.open(scenario.stack, { after: left.cursor });
    expect(after.subscribed).toMatchObject({ resume: 'ok' });
    await after.until((event) => event.sessionId === second.id && event.type === 'notify:session_completed', 'the end');
    const together = [...before.events.filter((event) => event.seq <= left.seq), ...after.events];
    expect(seqs(together)).toEqual(contiguous(seqs(together)));
    expect(after.events.slice(0, before.events.length)).toEqual((await pageAll(page, left.cursor)).slice(0, before.events.length));
    await after.close();
  }, 180_000);

  it('says gap for a cursor of another log, and 410 on a page', async () => {
    const feed = await Feed.open(scenario.stack, { after: 'in_0000000000-1.5' });
    expect(feed.subscribed).toMatchObject({ resume: 'gap' });
    await feed.close();
    expect(await scenario.api.request('GET', '/api/events?after=in_0000000000-1.5')).toMatchObject({ status: 410, body: { code: 'CURSOR_GONE' } });
  }, 30_000);

  it('loses and doubles none of two thousand lines of output', async () => {
    const { id } = await scenario.spawn(project.id, { custom: { demo: { numbered: 2_000 } } });
    await scenario.ended(id, 90_000);
    const events = (await pageAll(page)).filter((event) => event.sessionId === id && event.type === 'output');
    const text = events.map((event) => (event.data as { content: string }).content).join('');
    const numbers = [...text.matchAll(/numbered (\d+)\/2000/g)].map((match) => Number(match[1]));
    expect(numbers).toEqual(Array.from({ length: 2_000 }, (_none, n) => n + 1));
  }, 120_000);
});
