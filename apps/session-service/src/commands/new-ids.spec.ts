import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { idTime, type Mail } from '@orbitmesh/domain';
import { SessionRpc } from '@orbitmesh/contracts';
import { FakeClock } from '../testing/fake-clock.js';
import { meta, TestService } from '../testing/test-service.js';

const HOUR_MS = 3_600_000;
const TEN_YEARS_MS = 10 * 365 * 24 * HOUR_MS;

describe.each([['an hour', HOUR_MS], ['ten years', TEN_YEARS_MS]])('after a restart with a clock that stands %s before its last one', (_name, backMs) => {
  let service: TestService;
  let projectId: string;
  let sessionId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
    sessionId = (await service.spawn({ projectId })).id;
  });
  afterEach(() => service.remove());

  const restart = async (ms = backMs) => {
    const { home, clock } = service;
    await service.stop();
    service = await TestService.start({ home, clock: new FakeClock(clock.wall() - ms) });
  };
  const task = async (title: string) => (await service.task(projectId, title)).id;
  const mail = async () => ((await service.call(SessionRpc.sendMail, { body: { toSessionId: sessionId, body: 'words' }, meta: meta() })).body as Mail).id;
  const tasksAfter = async (cursor: string) => (await service.call(SessionRpc.listTasks, { projectId, cursor })).items.map(({ id }) => id);

  it('new ids of every kind come after all that are there, and are told apart', async () => {
    const old = [await task('a'), await mail(), sessionId, projectId].map((id) => id.split('_')[1]);
    service.clock.advance(1_000);
    const newest = await task('b');
    await restart();
    const made = [
      await task('c'), await mail(), (await service.spawn({ projectId })).id, (await service.project('/work/other')).id,
      (await service.call(SessionRpc.createTeamMember, { body: { name: 'Ada' }, meta: meta() })).body.id, await task('d'),
    ].map((id) => id.split('_')[1]);
    expect([...old, newest.split('_')[1], ...made].sort()).toEqual([...old].sort().concat(newest.split('_')[1], made));
    expect(new Set(made).size).toBe(made.length);
  });

  it('a list goes on behind the cursor it had given, and misses nothing', async () => {
    const all = [await task('a'), await task('b')];
    const cursor = (await service.call(SessionRpc.listTasks, { projectId, limit: 2 })).items.at(-1)!.id;
    await restart();
    all.push(await task('c'));
    await restart();
    all.push(await task('d'));
    expect(await tasksAfter(cursor)).toEqual(all.slice(2));
    expect((await service.call(SessionRpc.listTasks, { projectId })).items.map(({ id }) => id)).toEqual(all);
  });

  it('a list goes on behind a cursor whose task was the newest, and is gone', async () => {
    await task('a');
    service.clock.advance(1_000);
    const last = await task('b');
    service.clock.advance(1_000);
    await service.call(SessionRpc.deleteTask, { id: last, meta: meta() });
    await restart();
    const next = await task('c');
    expect(await tasksAfter(last)).toEqual([next]);
  });

  it('a wait for mail goes on behind the mail it was given last, also where that is gone', async () => {
    const first = await mail();
    service.clock.advance(1_000);
    const last = await mail();
    await service.call(SessionRpc.waitForMail, { sessionId, timeoutMs: 0 });
    await restart();
    const next = await mail();
    const after = (id: string) => service.call(SessionRpc.waitForMail, { sessionId, timeoutMs: 0, after: id });
    expect((await after(last)).items.map(({ id }) => id)).toEqual([next]);
    for (const id of [next, last]) await service.call(SessionRpc.deleteMail, { id, meta: meta() });
    await restart();
    const another = await mail();
    expect((await after(next)).items.map(({ id }) => id)).toEqual([another]);
    expect((await after(first)).items.map(({ id }) => id)).toEqual([another]);
  });

  it('orders what is created as it was created, also where it was moved between', async () => {
    const [a, b] = [await task('a'), await task('b')];
    await service.call(SessionRpc.moveInOrdering, { entityType: 'task', projectId, body: { id: b, before: a }, meta: meta() });
    await restart();
    const c = await task('c');
    const { body } = await service.call(SessionRpc.moveInOrdering, { entityType: 'task', projectId, body: { id: a, after: c }, meta: meta() });
    expect(body.ids).toEqual([b, c, a]);
  });

  it('goes on with the time of ids from where it was, and with the clock once that is past it', async () => {
    const before = idTime(await task('a'));
    await restart();
    expect(idTime(await task('b'))).toBe(before + 1);
    service.clock.setWall(before + HOUR_MS);
    expect(idTime(await task('c'))).toBe(before + HOUR_MS);
  });
});
