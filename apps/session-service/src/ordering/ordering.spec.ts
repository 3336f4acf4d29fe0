import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ORDERING_PLACED_MAX, orderedIds, type ErrorCode, type OrderedEntity, type Ordering, type Task } from '@orbitmesh/domain';
import { SessionRpc, type CommandMeta, type MoveInOrderingBody } from '@orbitmesh/contracts';
import { Commands } from '../commands/commands.js';
import { COLLECTIONS } from '../store/collections.js';
import { put } from '../store/documents.js';
import { agent, meta, TestService } from '../testing/test-service.js';
import { inFull } from '@orbitmesh/testing';
import { traceOf } from '../testing/trace.js';

type More = Partial<CommandMeta>;

describe('the ordering of a project', () => {
  let service: TestService;
  let projectId: string;
  let otherId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
    otherId = (await service.project('/work/other', 'Other')).id;
  });
  afterEach(() => service.remove());

  const get = (entityType: OrderedEntity = 'task', of = projectId, reader = {}) => service.call(SessionRpc.getOrdering, { entityType, projectId: of, ...reader });
  const replace = (ids: string[], more: More = {}, entityType: OrderedEntity = 'task') => service.call(SessionRpc.replaceOrdering, { entityType, projectId, ids, meta: meta(more) });
  const move = (body: MoveInOrderingBody, more: More = {}, entityType: OrderedEntity = 'task') => service.call(SessionRpc.moveInOrdering, { entityType, projectId, body, meta: meta(more) });
  const tasks = async (...titles: string[]): Promise<string[]> => {
    const made: string[] = [];
    for (const title of titles) made.push((await service.task(projectId, title)).id);
    return made;
  };
  const sessions = async (n: number): Promise<string[]> => {
    const made: string[] = [];
    for (let i = 0; i < n; i += 1) made.push((await service.spawn({ projectId })).id);
    return made;
  };
  const refused = async (attempt: () => Promise<unknown>, code: ErrorCode): Promise<void> => {
    const before = await traceOf(service);
    await expect(attempt()).rejects.toMatchObject({ code });
    expect(await traceOf(service)).toEqual(before);
  };
  /** As people see it. */
  const seen = async (created: string[]): Promise<string[]> => orderedIds(await get(), created);

  it('is nobody\'s until somebody places something, and then has revisions and events', async () => {
    const [a, b, c] = await tasks('a', 'b', 'c');
    expect(await get()).toEqual({ id: `task_${projectId}`, entityType: 'task', projectId, ids: [], revision: 0, updatedAt: null });
    const cursor = service.store.head().cursor;

    const placed = await replace([c, a], { ifMatch: 0 });
    const moved = await move({ id: b, before: a }, { ifMatch: 1 });

    expect(placed).toMatchObject({ status: 200, body: { ids: [c, a], revision: 1 } });
    expect(moved.body).toMatchObject({ ids: [c, b, a], revision: 2 });
    expect(await get()).toEqual(moved.body);
    const events = await service.events(cursor);
    expect(events.map(({ type, projectId: of, data }) => [type, of, data])).toEqual([['ordering:updated', projectId, placed.body], ['ordering:updated', projectId, moved.body]]);
    const before = await traceOf(service);
    expect((await replace([c, b, a])).body).toEqual(moved.body);
    expect((await move({ id: b, after: c })).body).toEqual(moved.body);
    expect(await traceOf(service)).toEqual(before);
  });

  it('is not touched by what is created, which comes last', async () => {
    const [a, b] = await tasks('a', 'b');
    const { body } = await move({ id: b, before: a });
    const [c] = await tasks('c');
    expect(await get()).toEqual(body);
    expect(await seen([a, b, c])).toEqual([b, a, c]);
  });

  it('is one for tasks and one for sessions', async () => {
    const [a] = await tasks('a');
    const [s, t] = await sessions(2);
    await move({ id: t, before: s }, {}, 'session');
    await replace([a]);
    expect([(await get('session')).ids, (await get('task')).ids]).toEqual([[t], [a]]);
  });

  it('takes only what is there, of this project and this kind, each once, and not too much', async () => {
    const [a, b] = await tasks('a', 'b');
    const foreign = await service.task(otherId);
    const [s] = await sessions(1);
    for (const id of ['task_none', '../x', foreign.id, s]) {
      await refused(() => replace([a, id]), 'TASK_NOT_FOUND');
      await refused(() => move({ id, before: a }), 'TASK_NOT_FOUND');
      await refused(() => move({ id: a, after: id }), 'TASK_NOT_FOUND');
    }
    await refused(() => replace([a], {}, 'session'), 'SESSION_NOT_FOUND');
    await refused(() => move({ id: s, before: 'sess_none' }, {}, 'session'), 'SESSION_NOT_FOUND');
    await refused(() => replace([a, b, a]), 'VALIDATION_FAILED');
    await refused(() => move({ id: a, before: a }), 'VALIDATION_FAILED');
    await refused(() => move({ id: a }), 'VALIDATION_FAILED');
    await refused(() => move({ id: a, before: b, after: b }), 'VALIDATION_FAILED');
    await refused(() => replace(Array.from({ length: ORDERING_PLACED_MAX + 1 }, (_, n) => `task_${n}`)), 'ORDERING_TOO_LONG');
    await refused(() => replace([a], { ifMatch: 7 }), 'REVISION_MISMATCH');
    await refused(() => move({ id: a, before: b }, { ifMatch: 1 }), 'REVISION_MISMATCH');
    await refused(() => service.call(SessionRpc.replaceOrdering, { entityType: 'task', projectId: 'proj_none', ids: [], meta: meta() }), 'PROJECT_NOT_FOUND');
    await refused(() => service.call(SessionRpc.moveInOrdering, { entityType: 'task', projectId: 'proj_none', body: { id: a, before: b }, meta: meta() }), 'PROJECT_NOT_FOUND');
    await refused(() => get('task', 'proj_none'), 'PROJECT_NOT_FOUND');
  });

  inFull('holds as many as the bound says, in one document', async () => {
    const [one] = await tasks('a');
    const task = service.store.durable.get<Task>(COLLECTIONS.tasks, one)!;
    const copies = Array.from({ length: ORDERING_PLACED_MAX }, (_, n): Task => ({ ...task, id: `task_${String(n).padStart(26, '0')}` }));
    for (let at = 0; at < copies.length; at += 1_000) {
      await service.get(Commands).apply(() => ({ puts: copies.slice(at, at + 1_000).map((copy) => put(COLLECTIONS.tasks, copy)), result: undefined }));
    }
    const ids = copies.map(({ id }) => id).reverse();
    expect((await replace(ids)).body.ids).toEqual(ids);
    expect((await move({ id: ids[0], after: ids.at(-1)! })).body.ids).toEqual([...ids.slice(1), ids[0]]);
    await expect(replace([...ids, one])).rejects.toMatchObject({ code: 'ORDERING_TOO_LONG' });
    await expect(move({ id: one, after: ids[1] })).rejects.toMatchObject({ code: 'ORDERING_TOO_LONG' });
  });

  it('keeps both of two moves that come at once, and of two whole lists the one whose revision was seen', async () => {
    const all = await tasks('a', 'b', 'c', 'd', 'e');
    const [a, b, , d, e] = all;
    await Promise.all([move({ id: e, before: a }), move({ id: b, after: d })]);
    expect((await seen(all)).map((id) => all.indexOf(id))).toEqual([4, 0, 2, 3, 1]);
    const { revision } = await get();
    const results = await Promise.allSettled([replace([a, b], { ifMatch: revision }), replace([b, a], { ifMatch: revision })]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
    expect(await get()).toMatchObject({ ids: [a, b], revision: revision + 1 });
  });

  it('moves among many who move at once as if they came one after the other', async () => {
    const all = await tasks(...Array.from({ length: 12 }, (_, n) => `${n}`));
    const moves = Array.from({ length: 60 }, (_, n): MoveInOrderingBody => ({ id: all[(n * 7) % 12], [n % 2 ? 'before' : 'after']: all[(n * 7 + 1 + (n % 11)) % 12] }));
    const replies = await Promise.all(moves.map((body) => move(body)));
    let before = all;
    replies.forEach(({ body }, n) => {
      const after = orderedIds(body, all);
      expect(after.filter((id) => id !== moves[n].id)).toEqual(before.filter((id) => id !== moves[n].id));
      before = after;
    });
    expect(await get()).toEqual(replies.at(-1)!.body);
  });

  it('drops tasks that are deleted, with all below them, in the same commit', async () => {
    const [root, other] = await tasks('root', 'other');
    const leaf = (await service.task(projectId, 'leaf', { parentId: root })).id;
    await replace([leaf, other, root]);
    const cursor = service.store.head().cursor;

    await service.call(SessionRpc.deleteTask, { id: root, meta: meta() });

    expect((await service.events(cursor)).map(({ type, commitEnd }) => [type, commitEnd])).toEqual([['task:deleted', false], ['task:deleted', false], ['ordering:updated', true]]);
    expect(await get()).toMatchObject({ ids: [other], revision: 2 });
    await service.call(SessionRpc.deleteTask, { id: other, meta: meta() });
    expect(await get()).toMatchObject({ ids: [], revision: 3 });
  });

  it('drops a session that is deleted, and says nothing where it was not placed', async () => {
    const [s, t] = await sessions(2);
    await replace([t], {}, 'session');
    for (const id of [s, t]) await service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });
    const cursor = service.store.head().cursor;
    await service.call(SessionRpc.deleteSession, { id: s, meta: meta() });
    await service.call(SessionRpc.deleteSession, { id: t, meta: meta() });
    expect((await service.events(cursor)).map(({ type }) => type)).toEqual(['session:deleted', 'ordering:updated', 'session:deleted']);
    expect(await get('session')).toMatchObject({ ids: [], revision: 2 });
  });

  it('goes with its project', async () => {
    const [a] = await tasks('a');
    await replace([a]);
    await service.call(SessionRpc.deleteTask, { id: a, meta: meta() });
    await service.call(SessionRpc.deleteProject, { id: projectId, meta: meta() });
    expect([...service.store.durable.list<Ordering>(COLLECTIONS.orderings)]).toEqual([]);
    await refused(() => get(), 'PROJECT_NOT_FOUND');
  });

  it('is people\'s to make; an agent sees that of its own project', async () => {
    const [a, b] = await tasks('a', 'b');
    await replace([b]);
    const as = agent((await sessions(1))[0]);
    await refused(() => replace([a], as), 'FORBIDDEN');
    await refused(() => move({ id: a, after: b }, as), 'FORBIDDEN');
    expect((await get('task', projectId, { reader: as.actor })).ids).toEqual([b]);
    await refused(() => get('task', otherId, { reader: as.actor }), 'PROJECT_NOT_FOUND');
  });
});
