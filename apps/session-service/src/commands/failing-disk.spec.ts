import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRpc, type CommandMeta } from '@orbitmesh/contracts';
import { nodeFs, type StorageFs } from '@orbitmesh/storage';
import { eventually } from '@orbitmesh/testing';
import { FailingFs } from '../testing/failing-fs.js';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';

describe('commands on a disk in trouble', () => {
  let service: TestService;
  let disk: FailingFs;
  let projectId: string;

  beforeEach(async () => {
    disk = new FailingFs();
    service = await TestService.start({ storage: { fs: disk.fs, limits: { retryDelayMs: 20 } } });
    projectId = (await service.project()).id;
  });
  afterEach(async () => {
    disk.error = null;
    await service.remove();
  });

  const rename = (name: string, more: Partial<CommandMeta> = {}) => service.call(SessionRpc.updateProject, { id: projectId, body: { name }, meta: meta(more) });

  it('answers STORAGE_WRITE, shows nothing of it, and writes again when the disk does', async () => {
    const seq = service.store.head().seq;
    disk.error = 'EIO';
    await expect(rename('A')).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    expect(await service.call(SessionRpc.getProject, { id: projectId })).toMatchObject({ name: 'Repo', revision: 1 });
    expect(service.store.head().seq).toBe(seq);

    disk.error = null;
    await eventually(() => rename('B').then(({ body }) => body.revision === 2, () => false));
    expect((await service.events()).map(({ seq: each }) => each)).toEqual([1, 2]);
  });

  it('answers STORAGE_FULL when the disk is full', async () => {
    disk.error = 'ENOSPC';
    await expect(rename('A')).rejects.toMatchObject({ code: 'STORAGE_FULL' });
  });

  it('refuses nothing for a write that was never made', async () => {
    disk.error = 'EIO';
    const results = await Promise.allSettled([rename('A', { ifMatch: 1 }), rename('B', { ifMatch: 1 })]);
    // The second was decided on the first: REVISION_MISMATCH would show revision 2, which never was.
    expect(results.map((result) => (result as PromiseRejectedResult).reason.code as string)).toEqual(['STORAGE_WRITE', 'STORAGE_WRITE']);
  });

  it('tells a refusal only when what it was decided on is durable', async () => {
    const release = disk.hold();
    const order: string[] = [];
    const first = rename('A', { ifMatch: 1 }).then(() => order.push('done'));
    const second = rename('B', { ifMatch: 1 }).catch(() => order.push('refused'));
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);
    release();
    await Promise.all([first, second]);
    expect(order.sort()).toEqual(['done', 'refused']);
  });

  it('keeps no key of what was not written, and lets everybody who waited for it try again', async () => {
    const key = { idempotency: { scope: 's', key: 'k', bodyHash: 'h' } };
    disk.error = 'EIO';
    const results = await Promise.allSettled(Array.from({ length: 5 }, () => rename('A', key)));
    expect(results.every(({ status }) => status === 'rejected')).toBe(true);
    disk.error = null;
    const answer = await eventually(() => rename('A', key).catch(() => null));
    expect(answer.body.revision).toBe(2);
  });

  it('does not take what the store refused to one command for the fate of another', async () => {
    await service.remove();
    service = await TestService.start({ storage: { fs: disk.fs, limits: { commitBytesMax: 5_000 } } });
    projectId = (await service.project()).id;
    const release = disk.hold();
    const order: string[] = [];
    const told = (what: Promise<unknown>): Promise<unknown> => what.then(() => order.push('done'), (error: { code: string }) => order.push(error.code));

    const all = [
      told(rename('first', { ifMatch: 1 })), told(rename('x'.repeat(10_000))), told(rename('late', { ifMatch: 1 })),
    ];
    await new Promise((resolve) => setImmediate(resolve));
    expect(order).toEqual([]);
    release();
    await Promise.all(all);
    expect(order.sort()).toEqual(['DOCUMENT_TOO_LARGE', 'REVISION_MISMATCH', 'done']);
  });

  it('forgets a spawn that was not written, and goes on with a session whose placement was not', async () => {
    disk.error = 'EIO';
    await expect(service.spawn({ projectId })).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    expect((await service.call(SessionRpc.listSessions, {})).items).toEqual([]);
    disk.error = null;
    const { id } = await eventually(() => service.spawn({ projectId }).catch(() => null));

    disk.error = 'EIO';
    await new ScriptedRunner(service.bus, service.clock).join();
    service.clock.advance(500);
    await expect(rename('x')).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    expect(service.session(id)).toMatchObject({ state: 'created', run: null });
    disk.error = null;
    await eventually(() => { service.clock.advance(500); return service.session(id).state === 'running'; });
  });

  it('does not acknowledge facts that are not on the disk', async () => {
    const runner = await new ScriptedRunner(service.bus, service.clock).join();
    const { id } = await service.spawn({ projectId });
    await eventually(() => service.session(id).state === 'running');
    const fact = { runSeq: 3, at: '2025-06-01T12:00:00.000Z', fact: { type: 'output' as const, content: 'o', stream: 'agent' as const } };

    disk.error = 'EIO';
    await expect(runner.send(runner.run(id), [fact])).rejects.toMatchObject({ code: 'STORAGE_WRITE' });
    disk.error = null;
    await eventually(() => runner.send(runner.run(id), [fact]).then(({ ackedRunSeq }) => ackedRunSeq === 3, () => false));
    expect((await service.events()).filter(({ type }) => type === 'output')).toHaveLength(1);
  });

  it.each([['kill', 'ENOSPC', 'STORAGE_FULL', 'killed'], ['stop', 'EIO', 'STORAGE_WRITE', 'stopped_by_user']] as const)(
    'tells the runner of a %s on a disk that gives %s, answers %s, and the session comes to %s when the disk writes again',
    async (action, trouble, code, outcome) => {
      const runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', { obeys: false }).join();
      const { id } = await service.spawn({ projectId });
      await eventually(() => service.session(id).state === 'running');

      disk.error = trouble;
      for (let times = 1; times <= 2; times += 1) {
        await expect(service.call(SessionRpc.actOnSession, { id, action, reason: 'enough', meta: meta() })).rejects.toMatchObject({
          code, message: expect.stringContaining('not recorded; the runner was told to end it'), details: { runnerTold: true },
        });
        expect(runner.heard(action)).toHaveLength(times);
      }
      const { runId, epoch } = service.session(id).run!;
      expect(runner.heard(action)[0]).toEqual({ sessionId: id, runId, epoch, reason: 'enough' });
      expect(service.session(id)).toMatchObject({ state: 'running', desired: { state: 'running' } });

      disk.error = null;
      const ended = { runSeq: 3, at: '2025-06-01T12:00:00.000Z', fact: { type: 'run_ended' as const, cause: action === 'kill' ? 'killed' as const : 'stopped' as const, left: 0 } };
      await eventually(() => runner.send(runner.run(id), [ended]).then(() => true, () => false));
      expect(service.session(id)).toMatchObject({ state: 'stopped', outcome: { code: outcome } });
    },
  );

  it('says so when the runner cannot be told either, and tells it nothing that the caller may not wish', async () => {
    const runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', { obeys: false }).join();
    const { id } = await service.spawn({ projectId });
    const other = await service.spawn({ projectId });
    await eventually(() => [id, other.id].every((each) => service.session(each).state === 'running'));

    disk.error = 'ENOSPC';
    const undecided = rename('x').catch(() => undefined);
    await expect(service.call(SessionRpc.actOnSession, { id, action: 'kill', meta: meta(agent(other.id)) })).rejects.toBeDefined();
    await undecided;
    expect(runner.heard('kill')).toEqual([]);

    runner.runs.clear();
    await expect(service.call(SessionRpc.actOnSession, { id, action: 'kill', meta: meta() })).rejects.toMatchObject({
      code: 'STORAGE_FULL', message: expect.stringContaining('could not be told'), details: { runnerTold: false },
    });
  });
});

describe('a full disk with a reserve', () => {
  const FULL = { code: 'STORAGE_FULL' };
  let service: TestService;
  let free: number;
  afterEach(() => service.remove());

  it('records a stop, its end and a deletion, and refuses all else until there is room', async () => {
    free = 1e9;
    const files: string[] = [];
    const fs: StorageFs = {
      ...nodeFs,
      freeBytes: () => Promise.resolve(free),
      // Full is: no new bytes, but for those that the reserve gave back.
      open: async (path, mode, permissions) => {
        const file = await nodeFs.open(path, mode, permissions);
        const append: typeof file.append = (bytes) => {
          if (free < bytes.length) return Promise.reject(Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' }));
          free -= bytes.length;
          files.push(path);
          return file.append(bytes);
        };
        return Object.assign(Object.create(file) as typeof file, { append });
      },
      truncate: async (path, bytes) => {
        free += nodeFs.sizeSync(path)! - bytes;
        await nodeFs.truncate(path, bytes);
      },
    };
    service = await TestService.start({ storage: { fs, limits: { retryDelayMs: 20, reserveBytes: 1e6, reserveLookMs: 5 } } });
    const projectId = (await service.project()).id;
    const runner = await new ScriptedRunner(service.bus, service.clock, 'slot-0', { obeys: false }).join();
    const [stopped, other] = [await service.spawn({ projectId }), await service.spawn({ projectId })];
    await eventually(() => [stopped, other].every(({ id }) => service.session(id).state === 'running'));
    await eventually(() => files.some((path) => path.includes('..reserve.')));
    free = 0;

    await expect(service.call(SessionRpc.updateProject, { id: projectId, body: { name: 'A' }, meta: meta() })).rejects.toMatchObject(FULL);
    expect(await service.call(SessionRpc.actOnSession, { id: stopped.id, action: 'stop', reason: 'enough', meta: meta() })).toMatchObject({ status: 202, body: { desired: { state: 'stopped' } } });
    await eventually(() => { service.clock.advance(500); return runner.heard('stop').length > 0; });
    const said = { runSeq: 3, at: '2025-06-01T12:00:00.000Z', fact: { type: 'output' as const, content: 'last words', stream: 'agent' as const } };
    await expect(runner.send(runner.run(other.id), [said])).rejects.toMatchObject(FULL);
    await runner.send(runner.run(stopped.id), [said]);
    await runner.send(runner.run(stopped.id), [{ ...said, runSeq: 4, fact: { type: 'run_ended', cause: 'stopped', left: 0 } }]);
    expect(service.session(stopped.id)).toMatchObject({ state: 'stopped', outcome: { code: 'stopped_by_user' } });
    await service.call(SessionRpc.deleteSession, { id: stopped.id, meta: meta() });
    await expect(service.spawn({ projectId })).rejects.toMatchObject(FULL);

    free = 1e9;
    await eventually(() => service.spawn({ projectId }).then(() => true, () => false));
    expect(await runner.send(runner.run(other.id), [said])).toMatchObject({ ackedRunSeq: 3 });
  });
});
