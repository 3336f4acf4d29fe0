import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { ErrorCode, Mail } from '@orbitmesh/domain';
import { MAIL_WAIT_MS_MAX, SessionRpc, type CommandMeta, type Page, type SendMailBody } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { MAIL_WAIT_ITEMS_MAX, MAIL_WAITS_MAX } from '../limits.js';
import { FailingFs } from '../testing/failing-fs.js';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { MailWaits } from './mail-waits.js';

type More = Partial<CommandMeta>;

describe('waiting for mail', () => {
  let service: TestService;
  let disk: FailingFs;
  let projectId: string;
  let to: string;

  beforeEach(async () => {
    disk = new FailingFs();
    service = await TestService.start({ storage: { fs: disk.fs, limits: { retryDelayMs: 20 } } });
    projectId = (await service.project()).id;
    to = (await service.spawn({ projectId })).id;
  });
  afterEach(async () => {
    disk.error = null;
    await service.remove();
  });

  const send = async (body = 'words', more: Partial<SendMailBody> = {}) => (await service.call(SessionRpc.sendMail, { body: { toSessionId: to, body, ...more }, meta: meta() })).body as Mail;
  const wait = (more: { after?: string; timeoutMs?: number; sessionId?: string; waitId?: string; reader?: More['actor'] } = {}): Promise<Page<Mail>> =>
    service.call(SessionRpc.waitForMail, { sessionId: to, timeoutMs: MAIL_WAIT_MS_MAX, ...more });
  const idsOf = ({ items }: Page<Mail>) => items.map(({ id }) => id);
  const read = (id: string) => service.call(SessionRpc.readMail, { id, meta: meta() });
  const get = (id: string) => service.call(SessionRpc.getMail, { id });
  const events = async (type: string) => (await service.events()).filter((event) => event.type === type);
  const act = (action: 'stop' | 'kill', id = to) => service.call(SessionRpc.actOnSession, { id, action, meta: meta() });
  /** Whether it has answered by now; that it goes on waiting is seen after everything else is done. */
  const watch = <T>(promise: Promise<T>) => {
    const watched = { promise, answered: false };
    void promise.then(() => { watched.answered = true; }, () => { watched.answered = true; });
    return watched;
  };
  const stillWaits = async ({ answered }: { answered: boolean }) => { await service.settle(); return !answered; };

  it('gives what is there at once, delivered before it answers, oldest first', async () => {
    const [one, two] = [await send('1'), await send('2')];
    const page = await wait();
    expect(page.items).toMatchObject([
      { id: one.id, body: '1', state: 'delivered', deliveredBy: 'wait', revision: 2 }, { id: two.id, body: '2', state: 'delivered', deliveredBy: 'wait' },
    ]);
    expect(page.nextCursor).toBe(two.id);
    expect(await get(one.id)).toEqual(page.items[0]);
    expect((await events('mail:delivered')).map(({ sessionId, data }) => [sessionId, data])).toEqual(page.items.map((mail) => [to, mail]));
  });

  it('gives what comes, to everybody who waits for that session, and delivers it once', async () => {
    const other = (await service.spawn({ projectId })).id;
    const waiting = Array.from({ length: 5 }, () => wait());
    const elsewhere = watch(wait({ sessionId: other }));
    await service.settle();
    const { id } = await send();
    for (const page of await Promise.all(waiting)) expect(page).toMatchObject({ items: [{ id, state: 'delivered' }], nextCursor: id });
    expect(await events('mail:delivered')).toHaveLength(1);
    expect(await stillWaits(elsewhere)).toBe(true);
  });

  it('misses nothing that is decided, but not yet on the disk, when it begins', async () => {
    const release = disk.hold();
    const sending = send();
    const waiting = watch(wait());
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting.answered).toBe(false);
    release();
    expect(idsOf(await waiting.promise)).toEqual([(await sending).id]);
  });

  it('misses nothing that lands while its first look is on its way', async () => {
    const release = disk.hold();
    const before = service.task(projectId, 'something to be waited for');
    const waiting = watch(wait());
    // The look has seen nothing, and waits for what it was decided on; now it lands.
    const sending = send();
    await new Promise((resolve) => setImmediate(resolve));
    expect(waiting.answered).toBe(false);
    release();
    expect(idsOf(await waiting.promise)).toEqual([(await sending).id]);
    await before;
  });

  it('misses nothing that lands between any two of its steps', async () => {
    for (let steps = 0; steps < 12; steps += 1) {
      const waiting = wait();
      for (let n = 0; n < steps; n += 1) await Promise.resolve();
      const { id } = await send(`after ${steps} steps`);
      expect(idsOf(await waiting)).toEqual([id]);
      await read(id);
    }
  });

  it('misses nothing while many write and it asks again and again', async () => {
    const got: string[] = [];
    const reader = (async () => {
      for (let after: string | undefined; got.length < 120;) {
        const page = await wait({ after });
        got.push(...page.items.map(({ body }) => body));
        after = page.nextCursor ?? undefined;
      }
    })();
    for (let n = 0; n < 120; n += 6) {
      await Promise.all(Array.from({ length: 6 }, (_, i) => send(`${n + i}`)));
      if (n % 4 === 0) await service.settle();
    }
    await reader;
    expect(got).toEqual(Array.from({ length: 120 }, (_, n) => `${n}`));
    expect(await events('mail:delivered')).toHaveLength(120);
  });

  it('gives again what was not read, as its answer may have been lost, but not what `after` says has come', async () => {
    const [one, two] = [await send(), await send()];
    expect(idsOf(await wait())).toEqual([one.id, two.id]);
    expect(idsOf(await wait())).toEqual([one.id, two.id]);
    await read(one.id);
    expect(idsOf(await wait())).toEqual([two.id]);
    expect(idsOf(await wait({ after: one.id }))).toEqual([two.id]);
    expect(await events('mail:delivered')).toHaveLength(2);

    const waiting = watch(wait({ after: two.id }));
    expect(await stillWaits(waiting)).toBe(true);
    const three = await send();
    expect(await waiting.promise).toMatchObject({ items: [{ id: three.id }], nextCursor: three.id });
  });

  it('gives by `after` all that came to it, read or not, also where that mail is gone', async () => {
    const mails = [await send(), await send(), await send()];
    const [one, two, three] = mails.map(({ id }) => id);
    await read(two);
    await service.call(SessionRpc.deleteMail, { id: one, meta: meta() });
    const page = await wait({ after: one });
    expect(page.items.map(({ id, state }) => [id, state])).toEqual([[two, 'read'], [three, 'delivered']]);
  });

  it('gives pages of a mailbox that is fuller than one answer', async () => {
    for (let n = 0; n < MAIL_WAIT_ITEMS_MAX + 5; n += 5) await Promise.all(Array.from({ length: 5 }, () => send()));
    const first = await wait();
    expect(first.items).toHaveLength(MAIL_WAIT_ITEMS_MAX);
    expect((await wait({ after: first.nextCursor! })).items).toHaveLength(5);
    expect(await events('mail:delivered')).toHaveLength(MAIL_WAIT_ITEMS_MAX + 5);
  });

  it('ends with nothing when its time is over, at once without one, and never later than the bound', async () => {
    expect(await wait({ timeoutMs: 0 })).toEqual({ items: [], nextCursor: null });
    expect(await wait({ timeoutMs: 0, after: 'mail_x' })).toEqual({ items: [], nextCursor: 'mail_x' });
    const [short, long, endless] = [watch(wait({ timeoutMs: 1_000 })), watch(wait({ after: 'mail_x' })), watch(wait({ timeoutMs: 3_600_000 }))];
    await service.settle();
    service.clock.advance(999);
    expect(await stillWaits(short)).toBe(true);
    service.clock.advance(1);
    expect(await short.promise).toEqual({ items: [], nextCursor: null });
    expect(await stillWaits(long)).toBe(true);
    service.clock.advance(MAIL_WAIT_MS_MAX - 1_000);
    expect([await long.promise, await endless.promise]).toEqual([{ items: [], nextCursor: 'mail_x' }, { items: [], nextCursor: null }]);
  });

  it('gives at the last moment what came at the last moment', async () => {
    const waiting = wait({ timeoutMs: 1_000 });
    await service.settle();
    const release = disk.hold();
    const sending = send();
    service.clock.advance(1_000);
    release();
    expect(idsOf(await waiting)).toEqual([(await sending).id]);
  });

  it('does not give what its agent is given as input, or was', async () => {
    const runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', { obeys: false }).join();
    const { id } = await service.spawn({ projectId, mode: 'interactive' });
    await eventually(() => service.session(id).state === 'running');
    const { id: mailId } = await send('words', { toSessionId: id });
    await runner.saw(id, { type: 'turn_ended', stopReason: 'end_turn' });
    const { inputId } = await eventually(() => runner.heard('input').at(0));
    expect(await wait({ sessionId: id, timeoutMs: 0 })).toEqual({ items: [], nextCursor: null });

    const waiting = watch(wait({ sessionId: id }));
    await runner.saw(id, { type: 'turn_started', inputId: inputId as string }, { type: 'input_delivered', inputId: inputId as string });
    expect(await get(mailId)).toMatchObject({ state: 'delivered', deliveredBy: 'input' });
    expect(await stillWaits(waiting)).toBe(true);
    const next = await send('more', { toSessionId: id });
    expect(idsOf(await waiting.promise)).toEqual([next.id]);
    await runner.saw(id, { type: 'turn_ended', stopReason: 'end_turn' });
    await service.settle();
    expect(runner.heard('input').every((input) => input.inputId === inputId)).toBe(true);
  });

  it('clears what the session asks when its parent or a person answers by it, and not when another writes', async () => {
    const child = (await service.spawn({ projectId, parentSessionId: to })).id;
    const stranger = (await service.spawn({ projectId })).id;
    const asks = () => service.call(SessionRpc.postTimeline, { id: child, kind: 'needs_input', message: 'A or B?', meta: meta() });
    const answer = (fromSessionId?: string) => service.call(SessionRpc.sendMail, { body: { toSessionId: child, body: 'B', ...(fromSessionId !== undefined && { fromSessionId }) }, meta: meta() });
    for (const [from, stillAsks] of [[stranger, true], [to, false], [undefined, false]] as const) {
      await asks();
      await answer(from);
      expect(idsOf(await wait({ sessionId: child }))).not.toEqual([]);
      expect({ from, asks: service.session(child).needsInput !== null }).toEqual({ from, asks: stillAsks });
    }
  });

  it('ends with the session: who waits is told, and so is who comes later', async () => {
    const waiting = [wait(), wait({ after: 'mail_x' })];
    await service.settle();
    await act('stop');
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'SESSION_ENDED', details: { sessionId: to } });
    await expect(wait()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await service.call(SessionRpc.deleteSession, { id: to, meta: meta() });
    await expect(wait()).rejects.toMatchObject({ code: 'SESSION_NOT_FOUND' });
  });

  it('does not take from an ended session what is kept for the one that continues it', async () => {
    await act('stop');
    const kept = await send('for later', { keepForContinuation: true });
    await expect(wait()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await expect(wait({ after: 'mail_0' })).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    expect(await get(kept.id)).toEqual(kept);
  });

  it('is refused for what is not there, and to other agents', async () => {
    const other = agent((await service.spawn({ projectId })).id).actor;
    const refused: [Parameters<typeof wait>[0], ErrorCode][] = [
      [{ sessionId: 'sess_none' }, 'SESSION_NOT_FOUND'], [{ sessionId: '../x' }, 'SESSION_NOT_FOUND'], [{ reader: other }, 'FORBIDDEN'], [{ sessionId: 'sess_none', reader: other }, 'FORBIDDEN'],
    ];
    for (const [query, code] of refused) await expect(wait(query)).rejects.toMatchObject({ code });
    const { id } = await send();
    expect(idsOf(await wait({ reader: agent(to).actor }))).toEqual([id]);
  });

  it('has room for so many and no more, and for the next when one goes', async () => {
    const waiting = Array.from({ length: MAIL_WAITS_MAX }, (_, n) => wait({ timeoutMs: n === 0 ? 100 : 2_000 }));
    await expect(wait()).rejects.toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    await service.settle();
    service.clock.advance(100);
    await waiting[0];
    const next = watch(wait());
    expect(await stillWaits(next)).toBe(true);
    const { id } = await send();
    for (const page of await Promise.all([...waiting.slice(1), next.promise])) expect(idsOf(page)).toEqual([id]);
    expect(await events('mail:delivered')).toHaveLength(1);
  });

  it('gives nothing to a client that is gone, so that its agent still gets it as input', async () => {
    const gone = wait({ waitId: 'w1' });
    const there = watch(wait({ waitId: 'w2' }));
    await service.settle();
    expect(await service.call(SessionRpc.callOffWait, { waitId: 'w1' })).toEqual({ waiting: true });
    expect(await gone).toEqual({ items: [], nextCursor: null });
    expect(await stillWaits(there)).toBe(true);
    await service.call(SessionRpc.callOffWait, { waitId: 'w2' });
    const { id } = await send();

    expect(await there.promise).toEqual({ items: [], nextCursor: null });
    expect(await get(id)).toMatchObject({ state: 'queued' });
    expect(await service.call(SessionRpc.callOffWait, { waitId: 'w1' })).toEqual({ waiting: false });
  });

  it('is answered when the service goes, and so is who comes while it goes', async () => {
    const { id } = await send();
    const waiting = [wait({ after: id }), wait({ after: id })];
    await service.settle();
    service.get(MailWaits).onModuleDestroy();
    expect(await Promise.all(waiting)).toEqual([{ items: [], nextCursor: id }, { items: [], nextCursor: id }]);
    expect(await wait({ after: id })).toEqual({ items: [], nextCursor: id });
    expect(idsOf(await wait())).toEqual([id]);
  });

  it('takes nothing where the disk takes nothing, and gives it when the disk is back', async () => {
    const { id } = await send();
    disk.error = 'EIO';
    await expect(wait()).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    expect(await get(id)).toMatchObject({ state: 'queued', deliveredBy: null, revision: 1 });
    disk.error = null;
    expect(idsOf(await eventually(() => wait().catch(() => null)))).toEqual([id]);
    expect(await events('mail:delivered')).toHaveLength(1);
  });
});
