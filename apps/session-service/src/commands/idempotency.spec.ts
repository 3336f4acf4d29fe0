import { rm } from 'node:fs/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Mail, MailBroadcast } from '@orbitmesh/domain';
import { SessionRpc, type MutationReply } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { COLLECTIONS } from '../store/collections.js';
import { FailingFs } from '../testing/failing-fs.js';
import { DEMO, ScriptedRunner } from '../testing/scripted-runner.js';
import { meta, TestService } from '../testing/test-service.js';

const KEY = { idempotency: { scope: 'tok POST /api/x', key: 'k', bodyHash: 'h' } };
const keyOf = (key: string) => ({ idempotency: { ...KEY.idempotency, key } });
type Ask = (service: TestService, more: object) => Promise<MutationReply>;

/** What is there before: a project with a task, a member, two sessions at work, one that has ended, and a mail. */
interface World { projectId: string; tasks: string[]; memberId: string; sessions: string[]; endedId: string; mailId: string }

const CASES: [name: string, ask: (world: World) => Ask, events: string[]][] = [
  ['a task', ({ projectId }) => (service, more) => service.call(SessionRpc.createTask, { body: { projectId, title: 'T' }, meta: meta(more) }), ['task:created']],
  ['a team member', ({ projectId }) => (service, more) => service.call(SessionRpc.createTeamMember, { body: { name: 'Eve', projectId }, meta: meta(more) }), ['team_member:created']],
  ['a thing to remember', ({ memberId: id }) => (service, more) => service.call(SessionRpc.addMemory, { id, text: 'tea', meta: meta(more) }), ['team_member:updated']],
  ['an archived member', ({ memberId: id }) => (service, more) => service.call(SessionRpc.archiveTeamMember, { id, archived: true, meta: meta(more) }), ['team_member:updated']],
  ['a deleted member', ({ memberId: id }) => (service, more) => service.call(SessionRpc.deleteTeamMember, { id, meta: meta(more) }), ['team_member:deleted']],
  ['an ordering', ({ projectId, tasks }) => (service, more) => service.call(SessionRpc.replaceOrdering, { entityType: 'task', projectId, ids: tasks, meta: meta(more) }), ['ordering:updated']],
  ['a move', ({ projectId, tasks: [before, id] }) => (service, more) => service.call(SessionRpc.moveInOrdering, { entityType: 'task', projectId, body: { id, before }, meta: meta(more) }), ['ordering:updated']],
  ['a mail', ({ sessions: [toSessionId] }) => (service, more) => service.call(SessionRpc.sendMail, { body: { toSessionId, body: 'words' }, meta: meta(more) }) as Promise<MutationReply>, ['mail:received']],
  ['a broadcast', ({ projectId: id }) => (service, more) => service.call(SessionRpc.sendMail, { body: { to: { kind: 'project', id }, body: 'words' }, meta: meta(more) }) as Promise<MutationReply>, ['mail:received', 'mail:received']],
  ['a broadcast to nobody', ({ sessions: [fromSessionId] }) => (service, more) => service.call(SessionRpc.sendMail, { body: { to: { kind: 'children' }, fromSessionId, body: 'words' }, meta: meta(more) }) as Promise<MutationReply>, []],
  ['a mail that is read', ({ mailId: id }) => (service, more) => service.call(SessionRpc.readMail, { id, meta: meta(more) }), ['mail:read']],
  ['a mail that is deleted', ({ mailId: id }) => (service, more) => service.call(SessionRpc.deleteMail, { id, meta: meta(more) }), ['mail:deleted']],
  ['a word on the timeline', ({ sessions: [id] }) => (service, more) => service.call(SessionRpc.postTimeline, { id, kind: 'milestone', message: 'half', meta: meta(more) }), ['timeline', 'notify:progress']],
  ['a continuation', ({ endedId: id }) => (service, more) => service.call(SessionRpc.continueSession, { id, body: { initialDirective: 'go on' }, meta: meta(more) }), ['session:created', 'session:spawn']],
];

describe('one Idempotency-Key', () => {
  let service: TestService;
  let disk: FailingFs;
  let world: World;

  beforeEach(async () => {
    disk = new FailingFs();
    service = await TestService.start({ storage: { fs: disk.fs, limits: { retryDelayMs: 20 } } });
    const { id: projectId } = await service.project();
    const tasks = [(await service.task(projectId, 'a')).id, (await service.task(projectId, 'b')).id];
    const { id: memberId } = (await service.call(SessionRpc.createTeamMember, { body: { name: 'Ada', projectId }, meta: meta() })).body;
    const providers = [{ ...DEMO, capabilities: { ...DEMO.capabilities, continue: true } }];
    const runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', { providers, starts: false }).join();
    const { id: endedId } = await service.spawn({ projectId });
    await eventually(() => service.session(endedId).run?.claimedAt);
    await runner.saw(endedId, { type: 'run_started', pid: 1, agentSessionId: 'conv-1' }, { type: 'run_ended', cause: 'crashed', left: 0 });
    runner.leave();
    service.bus.forget('slot-0');
    // Of a provider that no runner has: these sessions wait, and nothing of theirs gets in between.
    service.clock.advance(60_000);
    const sessions = [(await service.spawn({ projectId })).id, (await service.spawn({ projectId })).id];
    const mail = (await service.call(SessionRpc.sendMail, { body: { toSessionId: sessions[0], body: 'first' }, meta: meta() })).body as Mail;
    world = { projectId, tasks, memberId, sessions, endedId, mailId: mail.id };
    await service.settle();
  });
  afterEach(async () => {
    disk.error = null;
    await service.remove();
  });

  const typesSince = async (of: TestService, cursor: string) => (await of.events(cursor)).map(({ type }) => type);
  const counts = (of: TestService) => Object.values(COLLECTIONS).map((name) => of.store.durable.count(name));

  // Of all kinds in one life: each start of a service takes longer than all that is asked of it here.
  it('on whatever it stands, a hundred times at once, is one effect and one answer, also from the disk as it is then', async () => {
    const start = service.store.head().cursor;
    const effects: { name: string; ask: Ask; key: ReturnType<typeof keyOf>; first: MutationReply }[] = [];
    for (const [name, askOf, types] of CASES) {
      const ask = askOf(world);
      const key = keyOf(name);
      const cursor = service.store.head().cursor;
      const answers = await Promise.all(Array.from({ length: 100 }, () => ask(service, key)));

      const [first] = answers.filter(({ replayed }) => !replayed);
      expect({ name, replayed: answers.filter(({ replayed }) => replayed).length }).toEqual({ name, replayed: 99 });
      for (const { status, body, cursor: at } of answers) expect({ name, status, body, cursor: at }).toEqual({ name, status: first.status, body: first.body, cursor: first.cursor });
      expect({ name, types: (await typesSince(service, cursor)).filter((type) => types.includes(type)) }).toEqual({ name, types });
      await expect(ask(service, { idempotency: { ...key.idempotency, bodyHash: 'other' } })).rejects.toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
      effects.push({ name, ask, key, first });
    }
    const effectsSince = async (of: TestService) => (await typesSince(of, start)).filter((type) => CASES.some(([, , types]) => types.includes(type)));
    const events = await effectsSince(service);
    const before = counts(service);
    const sameAnswers = async (of: TestService): Promise<void> => {
      for (const { name, ask, key, first } of effects) expect({ name, ...await ask(of, key) }).toEqual({ name, ...first, replayed: true });
      expect(counts(of)).toEqual(before);
      expect(await effectsSince(of)).toEqual(events);
    };

    // As after `kill -9`, and as after a stop in order.
    const copy = await service.copyOfDisk();
    const killed = await TestService.start({ home: copy });
    await sameAnswers(killed);
    await killed.stop();
    await rm(copy, { recursive: true });
    const { home, clock } = service;
    await service.stop();
    service = await TestService.start({ home, clock });
    await sameAnswers(service);
  });

  it('on whatever it stands that the disk did not take is free for another try', async () => {
    for (const [name, askOf, types] of CASES) {
      const ask = askOf(world);
      const key = keyOf(name);
      const cursor = service.store.head().cursor;
      const before = counts(service);
      disk.error = 'EIO';
      const results = await Promise.allSettled(Array.from({ length: 10 }, () => ask(service, key)));
      expect({ name, results: results.map((result) => (result.status === 'rejected' ? (result.reason as { code: string }).code : result.status)) }).toEqual({ name, results: Array.from({ length: 10 }, () => 'STORAGE_WRITE') });
      expect({ name, counts: counts(service) }).toEqual({ name, counts: before });
      disk.error = null;
      const answer = await eventually(() => ask(service, key).catch(() => null));
      expect({ name, replayed: answer.replayed }).toEqual({ name });
      expect({ name, ...await ask(service, key) }).toEqual({ name, ...answer, replayed: true });
      expect({ name, types: (await typesSince(service, cursor)).filter((type) => types.includes(type)) }).toEqual({ name, types });
    }
  });

  it('without one, or with another, is another effect', async () => {
    const ask = (more: object) => service.call(SessionRpc.sendMail, { body: { to: { kind: 'project', id: world.projectId }, body: 'words' }, meta: meta(more) });
    const sent = [await ask({}), await ask({}), await ask(KEY), await ask({ idempotency: { ...KEY.idempotency, key: 'k2' } }), await ask({ idempotency: { ...KEY.idempotency, scope: 'tok2 POST /api/x' } })];
    expect(new Set(sent.map(({ body }) => (body as MailBroadcast).broadcastId)).size).toBe(5);
    expect((await service.call(SessionRpc.listInbox, { sessionId: world.sessions[1] })).items).toHaveLength(5);
  });
});
