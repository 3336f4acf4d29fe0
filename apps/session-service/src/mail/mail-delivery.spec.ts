import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Mail, MailBroadcast } from '@orbitmesh/domain';
import { SessionRpc, type CommandMeta, type SendMailBody } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { RESEND_MS } from '../limits.js';
import { FailingFs } from '../testing/failing-fs.js';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';

const END = { type: 'turn_ended', stopReason: 'end_turn' } as const;

describe('mail and the turns of a session', () => {
  let service: TestService;
  let runner: ScriptedRunner;
  let disk: FailingFs;
  let projectId: string;

  beforeEach(async () => {
    disk = new FailingFs();
    service = await TestService.start({ storage: { fs: disk.fs, limits: { retryDelayMs: 20 } } });
    runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', { capacity: 64 }).join();
    projectId = (await service.project()).id;
  });
  afterEach(async () => {
    disk.error = null;
    await service.remove();
  });

  const send = async (toSessionId: string, body = 'words', more: Partial<SendMailBody> = {}, as: Partial<CommandMeta> = {}) =>
    (await service.call(SessionRpc.sendMail, { body: { toSessionId, body, ...more }, meta: meta(as) })).body as Mail;
  const get = (id: string) => service.call(SessionRpc.getMail, { id });
  const session = async (more: object = {}, as: Partial<CommandMeta> = {}) => {
    const { id } = await service.spawn({ projectId, mode: 'interactive', ...more }, as);
    await eventually(() => service.session(id).turn.active);
    return id;
  };
  const report = (id: string, kind: 'needs_input' | 'completed' | 'failed', message: string) => service.call(SessionRpc.postTimeline, { id, kind, message, meta: meta(agent(id)) });
  const inputs = (id: string) => runner.heard('input').filter(({ sessionId }) => sessionId === id).map(({ text }) => text as string);
  const deliveredTimes = async () => {
    const times = new Map<string, number>();
    for (const { type, data } of await service.events()) if (type === 'mail:delivered') times.set((data as Mail).id, (times.get((data as Mail).id) ?? 0) + 1);
    return times;
  };

  it('is said to the agent when its turn ends, and then counts as delivered', async () => {
    const id = await session();
    const { id: mailId } = await send(id, 'Use B.');
    await service.settle();
    expect(inputs(id)).toEqual([]);

    await runner.saw(id, END);

    await eventually(async () => (await get(mailId)).state === 'delivered');
    expect(inputs(id)).toEqual([expect.stringContaining('Use B.')]);
    expect(await get(mailId)).toMatchObject({ deliveredBy: 'input', readAt: null });
    expect(service.session(id).pendingInputs).toEqual([]);
    const told = (await service.events()).filter(({ sessionId, type }) => sessionId === id && /^(input|mail:.*)$/.test(type));
    expect(told.map(({ type }) => type)).toEqual(['mail:received', 'input', 'mail:delivered']);
  });

  it('is said at once where the agent is between two turns', async () => {
    const id = await session();
    await runner.saw(id, END);
    const { id: mailId } = await send(id);
    await eventually(async () => (await get(mailId)).deliveredBy === 'input');
    expect(inputs(id)).toHaveLength(1);
  });

  it('waits for a pause to be over, and for a turn to end in order', async () => {
    const id = await session();
    const { id: mailId } = await send(id);
    await runner.saw(id, { type: 'turn_ended', stopReason: 'cancelled' });
    service.clock.advance(RESEND_MS);
    await service.settle();
    expect(inputs(id)).toEqual([]);
    await service.call(SessionRpc.actOnSession, { id, action: 'pause', meta: meta() });
    await eventually(() => service.session(id).state === 'paused');
    await runner.saw(id, { type: 'turn_started' }, END);
    service.clock.advance(RESEND_MS);
    await service.settle();
    expect(inputs(id)).toEqual([]);
    await service.call(SessionRpc.actOnSession, { id, action: 'resume', meta: meta() });
    await eventually(async () => (await get(mailId)).deliveredBy === 'input');
    expect(inputs(id)).toHaveLength(1);
  });

  it('is said again, as the same input, until the runner has it, and is delivered once', async () => {
    runner.script.obeys = false;
    const id = await session();
    const { id: mailId } = await send(id);
    await runner.saw(id, END);
    await eventually(() => inputs(id).length === 1);
    service.clock.advance(RESEND_MS);
    await eventually(() => inputs(id).length === 2);
    const [first, second] = runner.heard('input').map(({ inputId }) => inputId as string);
    expect(second).toBe(first);
    await runner.saw(id, { type: 'turn_started', inputId: first });
    expect((await get(mailId)).state).toBe('queued');
    await runner.saw(id, { type: 'input_delivered', inputId: first }, { type: 'input_delivered', inputId: first });
    expect([...(await deliveredTimes()).entries()]).toEqual([[mailId, 1]]);
  });

  it('that did not reach the agent is said anew', async () => {
    runner.script.obeys = false;
    const id = await session();
    const { id: mailId } = await send(id);
    await runner.saw(id, END);
    const { inputId } = await eventually(() => runner.heard('input').at(0));
    await runner.saw(id, { type: 'input_failed', inputId: inputId as string, reason: 'full' });
    expect((await get(mailId)).state).toBe('queued');
    service.clock.advance(RESEND_MS);
    const again = await eventually(() => runner.heard('input').find((input) => input.inputId !== inputId));
    await runner.saw(id, { type: 'input_delivered', inputId: again.inputId as string });
    expect((await get(mailId)).deliveredBy).toBe('input');
  });

  it('survives a restart in every state', async () => {
    runner.script.obeys = false;
    const [working, asked] = [await session(), await session()];
    const [one, two] = [await send(working), await send(asked)];
    await runner.saw(asked, END);
    const { inputId } = await eventually(() => runner.heard('input').at(0));
    await service.settle();
    const { home, clock, bus } = service;
    await service.stop();
    service = await TestService.start({ home, clock, bus });
    await runner.beat();
    clock.advance(RESEND_MS);
    await eventually(() => runner.heard('input').length > 1);
    expect(new Set(runner.heard('input').map((input) => input.inputId))).toEqual(new Set([inputId]));
    await runner.saw(asked, { type: 'input_delivered', inputId: inputId as string });
    await runner.saw(working, END);
    const later = await eventually(() => runner.heard('input').find((input) => input.sessionId === working));
    await runner.saw(working, { type: 'input_delivered', inputId: later.inputId as string });
    expect([...(await deliveredTimes()).entries()].sort()).toEqual([[one.id, 1], [two.id, 1]]);
  });

  it('answers a session that needs input, where it is of a person', async () => {
    const id = await session({ mode: 'task' });
    await report(id, 'needs_input', 'A or B?');
    await runner.saw(id, END);
    const stranger = await session();
    const { id: strangers } = await send(id, 'hello', {}, agent(stranger));
    await eventually(async () => (await get(strangers)).state === 'delivered');
    expect(service.session(id).needsInput).toMatchObject({ active: true, message: 'A or B?' });
    await send(id, 'B');
    service.clock.advance(RESEND_MS);
    await eventually(() => service.session(id).needsInput === null);
  });

  it('tells a parent once each what its children need and came to, in the commits of that, and it hears of it', async () => {
    const parent = await session();
    const [one, two] = [await session({ mode: 'task', name: 'one' }, agent(parent)), await session({ mode: 'task', name: 'two' }, agent(parent))];
    await report(one, 'needs_input', 'A or B?');
    await report(one, 'needs_input', 'Well?');
    await report(two, 'completed', 'green');
    await Promise.all([runner.saw(two, END), runner.saw(one, { type: 'run_ended', cause: 'crashed', left: 0 })]);
    await eventually(() => [one, two].every((id) => service.session(id).endedAt !== null));

    const { items } = await service.call(SessionRpc.listInbox, { sessionId: parent });
    expect(items.map(({ subject, fromSessionId, type }) => [subject, fromSessionId, type]).sort()).toEqual([
      ['Failed: one', one, 'notification'], ['Finished: two', two, 'notification'], ['Needs input: one', one, 'notification'],
    ]);
    const events = await service.events();
    for (const [n, { type, data }] of events.entries()) {
      if (type !== 'mail:received') continue;
      // Up to the end of its commit there is what it tells of.
      const begins = events.slice(0, n).findLastIndex(({ commitEnd }) => commitEnd) + 1;
      const said = events.slice(begins, n).filter(({ sessionId }) => sessionId === (data as Mail).fromSessionId).map((event) => event.type);
      expect(said).toContain((data as Mail).subject.startsWith('Needs') ? 'notify:needs_input' : (data as Mail).subject.startsWith('Failed') ? 'notify:session_failed' : 'notify:session_completed');
    }
    await runner.saw(parent, END);
    await eventually(() => inputs(parent).length === 1);
    for (const { subject } of items) expect(inputs(parent)[0]).toContain(`## ${subject}`);
  });

  it('lets a child end whose parent has ended, or is gone', async () => {
    const parent = await session();
    const [one, two] = [await session({}, agent(parent)), await session({}, agent(parent))];
    await service.call(SessionRpc.actOnSession, { id: parent, action: 'kill', meta: meta() });
    await eventually(() => service.session(parent).endedAt !== null);
    await runner.saw(one, { type: 'run_ended', cause: 'crashed', left: 0 });
    expect((await service.call(SessionRpc.listInbox, { sessionId: parent })).items).toEqual([]);
    await service.call(SessionRpc.deleteSession, { id: parent, meta: meta() });
    await runner.saw(two, { type: 'run_ended', cause: 'crashed', left: 0 });
    expect(service.session(two)).toMatchObject({ state: 'error', outcome: { code: 'agent_crash' } });
    expect((await service.call(SessionRpc.listMail, {})).items).toEqual([]);
  });

  it('among twenty sessions is delivered once each, to whom it was sent, over two restarts', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => session()));
    const sent: Mail[] = [];
    for (let round = 0; round < 3; round += 1) {
      sent.push(...await Promise.all(Array.from({ length: 80 }, (_, n) => send(ids[(n * 7 + round) % 20], `${round}.${n}`, { fromSessionId: ids[(n * 7 + round + 1 + (n % 19)) % 20] }))));
      const { recipients } = (await service.call(SessionRpc.sendMail, { body: { to: { kind: 'project' }, fromSessionId: ids[round], body: `all ${round}` }, meta: meta() })).body as MailBroadcast;
      expect(recipients).toHaveLength(19);
      // Some are between two turns, others in one, when it comes.
      await Promise.all(ids.filter((_, n) => n % 3 === round).map((id) => runner.saw(id, END)));
      await service.settle();
      if (round === 2) break;
      await eventually(() => ids.every((id) => service.session(id).pendingInputs.length === 0));
      await service.settle();
      const { home, clock, bus } = service;
      await service.stop();
      service = await TestService.start({ home, clock, bus });
      await runner.beat();
    }
    const all = async () => {
      const mails: Mail[] = [];
      for (const sessionId of ids) mails.push(...(await service.call(SessionRpc.listInbox, { sessionId, limit: 200 })).items);
      return mails;
    };
    await eventually(async () => { service.clock.advance(500); return (await all()).every(({ state }) => state === 'delivered'); });
    const mails = await all();
    expect(mails).toHaveLength(sent.length + 3 * 19);
    const times = await deliveredTimes();
    expect(mails.map(({ id }) => times.get(id))).toEqual(mails.map(() => 1));
    for (const id of ids) {
      const said = inputs(id).join('\n');
      for (const mail of mails) expect([mail.id, said.split(`\`${mail.id}\`.`).length - 1]).toEqual([mail.id, mail.toSessionId === id ? 1 : 0]);
    }
  });

  it('is neither sent, read nor delivered on a disk that takes nothing, and all of it works when the disk is back', async () => {
    const id = await session();
    const { id: mailId } = await send(id);
    await service.settle();
    const cursor = service.store.head().cursor;
    for (const [error, code] of [['EIO', 'STORAGE_WRITE'], ['ENOSPC', 'STORAGE_FULL']] as const) {
      disk.error = error;
      await expect(send(id, 'lost')).rejects.toMatchObject({ code });
      await expect(service.call(SessionRpc.sendMail, { body: { to: { kind: 'project', id: projectId }, body: 'lost' }, meta: meta() })).rejects.toMatchObject({ code });
      await expect(service.call(SessionRpc.readMail, { id: mailId, meta: meta() })).rejects.toMatchObject({ code });
      await expect(service.call(SessionRpc.deleteMail, { id: mailId, meta: meta() })).rejects.toMatchObject({ code });
      await expect(runner.send(runner.run(id), [{ runSeq: runner.run(id).runSeq + 1, at: '2025-06-01T12:00:00.000Z', fact: END }])).rejects.toMatchObject({ code });
      expect((await service.call(SessionRpc.listInbox, { sessionId: id })).items.map(({ id: each, state }) => [each, state])).toEqual([[mailId, 'queued']]);
    }
    disk.error = null;
    await eventually(() => send(id, 'kept').then(() => true, () => false));
    await runner.saw(id, END);
    await eventually(() => inputs(id).length === 1);
    expect(inputs(id)[0]).toContain('You have 2 mails.');
    await eventually(async () => (await get(mailId)).state === 'delivered');
    expect((await service.call(SessionRpc.readMail, { id: mailId, meta: meta() })).body.state).toBe('read');
    expect((await service.events(cursor)).filter(({ type }) => type.startsWith('mail:')).map(({ type }) => type)).toEqual(['mail:received', 'mail:delivered', 'mail:delivered', 'mail:read']);
  });
});
