import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createMail, type Mail } from '@orbitmesh/domain';
import type { Store, View } from '@orbitmesh/storage';
import { eventually } from '@orbitmesh/testing';
import { Commands } from '../commands/commands.js';
import type { Change } from '../commands/decision.js';
import { FailingFs } from '../testing/failing-fs.js';
import { TestService } from '../testing/test-service.js';
import { COLLECTIONS } from './collections.js';
import { put } from './documents.js';
import { GroupIndex } from './group-index.js';
import { Indexes } from './indexes.js';

const BOXES = ['sess_a', 'sess_b', 'sess_c'];

function mailNamed(id: string, toSessionId: string): Mail {
  const letter = { fromSessionId: null, fromName: 'admin', type: 'query' as const, subject: '', body: '', priority: 'normal' as const };
  return createMail(letter, { projectId: 'proj_1', sessionId: toSessionId }, null, { now: '2025-01-01T00:00:00.000Z', newId: () => id }).doc;
}

describe('an index of groups', () => {
  let service: TestService;
  let disk: FailingFs;
  let indexes: Indexes;

  beforeEach(async () => {
    disk = new FailingFs();
    service = await TestService.start({ storage: { fs: disk.fs, limits: { retryDelayMs: 1 } } });
    indexes = service.get(Indexes);
  });
  afterEach(async () => {
    disk.error = null;
    await service.remove();
  });

  const commit = (change: Change): Promise<boolean> => service.get(Commands).apply(() => ({ ...change, result: undefined })).then(() => true, () => false);
  const write = (...mails: Mail[]) => commit({ puts: mails.map((mail) => put(COLLECTIONS.mail, mail)) });
  const inView = (view: View, box: string) => [...indexes.in(view, indexes.mailToSession, box)].filter((mail) => mail.toSessionId === box).map(({ id }) => id);

  /** For either view: whoever looks a document up by its key finds it. */
  function missing(store: Store): string[] {
    return [store.durable, store.pending].flatMap((view, n) => [...view.list<Mail>(COLLECTIONS.mail)].flatMap((mail) => [
      ...(indexes.mailToSession.ids(mail.toSessionId!).includes(mail.id) ? [] : [`${n} ${mail.id} to ${mail.toSessionId}`]),
      ...(mail.state !== 'queued' || indexes.queuedMail.ids(mail.toSessionId!).includes(mail.id) ? [] : [`${n} ${mail.id} queued for ${mail.toSessionId}`]),
    ]));
  }

  it('holds what is there at the start, in creation order', async () => {
    await write(mailNamed('mail_2', 'sess_a'), mailNamed('mail_1', 'sess_a'), mailNamed('mail_3', 'sess_b'));
    const { home, clock } = service;
    await service.stop();
    service = await TestService.start({ home, clock });
    indexes = service.get(Indexes);
    expect(indexes.mailToSession.ids('sess_a')).toEqual(['mail_1', 'mail_2']);
    expect(indexes.queuedFor(service.store.durable, 'sess_b').map(({ id }) => id)).toEqual(['mail_3']);
    expect(indexes.mailToSession.ids('sess_none')).toEqual([]);
  });

  it('shows a change to each view when it has it, and takes back what was not written', async () => {
    await write(mailNamed('mail_1', 'sess_a'));
    const release = disk.hold();
    const moving = write({ ...mailNamed('mail_1', 'sess_b') });
    expect([inView(service.store.durable, 'sess_a'), inView(service.store.pending, 'sess_a')]).toEqual([['mail_1'], []]);
    expect([inView(service.store.durable, 'sess_b'), inView(service.store.pending, 'sess_b')]).toEqual([[], ['mail_1']]);
    disk.error = 'EIO';
    release();
    expect(await moving).toBe(false);
    expect(indexes.mailToSession.ids('sess_a')).toEqual(['mail_1']);
    expect(indexes.mailToSession.ids('sess_b')).toEqual([]);
    disk.error = null;
    await eventually(() => write(mailNamed('mail_1', 'sess_b')));
    expect([indexes.mailToSession.ids('sess_a'), indexes.mailToSession.ids('sess_b')]).toEqual([[], ['mail_1']]);
  });

  it('gives a snapshot that goes on while the group changes', async () => {
    await write(...[1, 2, 3, 4].map((n) => mailNamed(`mail_${n}`, 'sess_a')));
    const seen: string[] = [];
    for (const { id } of indexes.in<Mail>(service.store.pending, indexes.mailToSession, 'sess_a')) {
      seen.push(id);
      void commit({ deletes: [{ collection: COLLECTIONS.mail, id }] });
      void write(mailNamed(`mail_${Number(id.slice(5)) + 10}`, 'sess_a'), mailNamed(`mail_0${id.slice(5)}`, 'sess_a'));
    }
    expect(seen).toEqual(['mail_1', 'mail_2', 'mail_3', 'mail_4']);
    await service.get(Commands).settled();
    expect(indexes.mailToSession.ids('sess_a')).toEqual(['mail_01', 'mail_02', 'mail_03', 'mail_04', 'mail_11', 'mail_12', 'mail_13', 'mail_14']);
  });

  it('goes on after an id, whether that is there or not', async () => {
    await write(...['mail_b', 'mail_d', 'mail_f'].map((id) => mailNamed(id, 'sess_a')));
    const after = (id?: string) => [...indexes.mailToSession.idsAfter('sess_a', id)];
    expect([after(), after('mail_a'), after('mail_b'), after('mail_c'), after('mail_f'), after('mail_z')]).toEqual([
      ['mail_b', 'mail_d', 'mail_f'], ['mail_b', 'mail_d', 'mail_f'], ['mail_d', 'mail_f'], ['mail_d', 'mail_f'], [], [],
    ]);
    expect([...indexes.mailToSession.idsAfter('sess_none', 'mail_a')]).toEqual([]);
  });

  it('knows several keys of one document, and none', async () => {
    const index = new GroupIndex<Mail>(service.store, COLLECTIONS.mail, ({ toSessionId, subject }) => [...(toSessionId ? [toSessionId] : []), ...(subject ? [subject, subject] : [])]);
    const one = { ...mailNamed('mail_1', 'sess_a'), subject: 'S' };
    for (const mail of [one, { ...one, toSessionId: null, subject: '' }, { ...one, toSessionId: 'S', subject: 'S' }]) {
      index.enqueued('mail_1');
      await write(mail);
      index.settled('mail_1');
      expect(['sess_a', 'S'].map((key) => [...index.ids(key)])).toEqual([mail.toSessionId === 'sess_a' ? ['mail_1'] : [], mail.subject ? ['mail_1'] : []]);
    }
  });

  it('is never too small for either view, whatever is written, deleted or fails, and exact when nothing is on its way', async () => {
    const wrong: string[] = [];
    const look = (): void => { wrong.push(...missing(service.store)); };
    service.store.onCommitted(look);
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ type: fc.constant('write' as const), id: fc.nat(5), box: fc.nat(2), read: fc.boolean() }) },
      { weight: 2, arbitrary: fc.record({ type: fc.constant('delete' as const), id: fc.nat(5) }) },
      fc.record({ type: fc.constantFrom('fail' as const, 'heal' as const, 'wait' as const, 'turn' as const) }),
    );
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const writing: Promise<boolean>[] = [];
      for (const each of steps) {
        if (each.type === 'write') writing.push(write({ ...mailNamed(`mail_${each.id}`, BOXES[each.box]), ...(each.read && { state: 'read' as const }) }));
        else if (each.type === 'delete') writing.push(commit({ deletes: [{ collection: COLLECTIONS.mail, id: `mail_${each.id}` }] }));
        else if (each.type === 'fail') disk.error = 'EIO';
        else if (each.type === 'heal') disk.error = null;
        else if (each.type === 'turn') await new Promise((resolve) => setImmediate(resolve));
        else await Promise.all(writing.splice(0));
        look();
        await Promise.resolve();
        look();
      }
      await Promise.all(writing);
      disk.error = null;
      await eventually(() => write(mailNamed('mail_9', 'sess_a')));
      look();
      expect(wrong).toEqual([]);
      for (const box of BOXES) {
        const there = [...service.store.durable.list<Mail>(COLLECTIONS.mail)].filter(({ toSessionId }) => toSessionId === box);
        expect([...indexes.mailToSession.ids(box)]).toEqual(there.map(({ id }) => id));
        expect([...indexes.queuedMail.ids(box)]).toEqual(there.filter(({ state }) => state === 'queued').map(({ id }) => id));
      }
    }), { numRuns: 60 });
  });
});
