import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { SpawnSessionBody } from '@orbitmesh/contracts';
import { SessionRpc } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { ScriptedRunner, type RunnerScript } from '../testing/scripted-runner.js';
import { agent, meta, TestService } from '../testing/test-service.js';

describe('placement', () => {
  let service: TestService;
  let projectId: string;

  beforeEach(async () => {
    service = await TestService.start();
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  const join = (id = 'slot-0', script: RunnerScript = {}): Promise<ScriptedRunner> => new ScriptedRunner(service.bus, service.clock, id, script).join();
  const spawn = async (more: Partial<SpawnSessionBody> = {}): Promise<string> => (await service.spawn({ projectId, ...more })).id;
  const running = (id: string): Promise<unknown> => eventually(() => service.session(id).state === 'running', { what: `${id} running` });
  const runnerOf = (id: string): string | undefined => service.session(id).run?.runnerId;
  const end = async (runner: ScriptedRunner, id: string): Promise<void> => {
    await runner.saw(id, { type: 'run_ended', cause: 'exited', exitCode: 0, left: 0 });
    runner.runs.delete(runner.run(id).start.runId);
  };
  const tick = async (ms = 500): Promise<void> => {
    service.clock.advance(ms);
    await service.settle();
  };
  const reason = async (id: string): Promise<string | undefined> => {
    await tick(4_000);
    return service.session(id).waiting?.reason;
  };

  it('gives a place that becomes free to the most urgent that waits, then to the oldest', async () => {
    const runner = await join('slot-0', { capacity: 1 });
    const first = await spawn();
    await running(first);
    const [usual, late, urgent] = [await spawn(), await spawn({ priority: -5 }), await spawn({ priority: 100 })];
    const order: string[] = [];
    for (let busy = first; order.length < 3; ) {
      await end(runner, busy);
      busy = await eventually(() => [usual, late, urgent].find((id) => service.session(id).state === 'running'));
      order.push(busy);
    }
    expect(order).toEqual([urgent, usual, late]);
  });

  it('keeps that order over our own restart', async () => {
    const [late, urgent] = [await spawn(), await spawn({ priority: 1 })];
    const { home, clock } = service;
    await service.stop();
    service = await TestService.start({ home, clock });
    await join('slot-0', { capacity: 1 });
    await eventually(async () => { await tick(); return runnerOf(urgent) !== undefined; });
    expect(runnerOf(late)).toBeUndefined();
  });

  it('gives a runner that comes what waits at once, without a tick, and to each no more than it takes', async () => {
    const ids: string[] = [];
    for (let n = 0; n < 6; n += 1) ids.push(await spawn());
    await join('slot-0', { capacity: 2 });
    await Promise.all(ids.slice(0, 2).map(running));
    await join('slot-1', { capacity: 3 });
    await Promise.all(ids.slice(2, 5).map(running));
    expect(ids.map(runnerOf)).toEqual(['slot-0', 'slot-0', 'slot-1', 'slot-1', 'slot-1', undefined]);
  });

  it('spreads a burst that is larger than a round over all runners, and starts on each no more at once than it says', async () => {
    const runners = await Promise.all(['slot-0', 'slot-1'].map((id) => join(id, { capacity: 60, startsAtOnce: 3, starts: false })));
    const ids = await Promise.all(Array.from({ length: 80 }, () => spawn()));
    const started = new Set<string>();
    await eventually(async () => {
      await service.settle();
      for (const runner of runners) {
        const open = [...runner.runs.values()].filter(({ claimed, runSeq }) => claimed && runSeq === 0);
        expect(open.length).toBeLessThanOrEqual(3);
        for (const { start } of open) {
          started.add(start.sessionId);
          await runner.saw(start.sessionId, { type: 'run_started', pid: 1 });
        }
      }
      return started.size === ids.length;
    });
    // One that is ready sooner starts the next sooner.
    for (const { runs } of runners) expect(Math.abs(runs.size - 40)).toBeLessThanOrEqual(3);
  });

  describe('by labels', () => {
    it('goes to a runner that has all of them: the request over its member over its project', async () => {
      await join('plain');
      await join('gpu', { labels: { gpu: 'a100', zone: 'eu' } });
      await join('eu', { labels: { zone: 'eu' } });
      await service.call(SessionRpc.updateProject, { id: projectId, body: { runnerLabels: { zone: 'eu' } }, meta: meta() });
      const member = (await service.call(SessionRpc.createTeamMember, { body: { name: 'M', runnerLabels: { gpu: 'a100' } }, meta: meta() })).body;
      const byProject = [await spawn(), await spawn()];
      const byMember = await spawn({ teamMemberId: member.id });
      const byRequest = await spawn({ teamMemberId: member.id, runnerLabels: {} });
      await Promise.all([...byProject, byMember, byRequest].map(running));
      expect(byProject.map(runnerOf).sort()).toEqual(['eu', 'gpu']);
      expect([byMember, byRequest].map(runnerOf)).toEqual(['gpu', 'plain']);
      expect(service.session(byMember).runnerLabels).toEqual({ gpu: 'a100' });
    });

    it('says which are missing, and holds up nobody who needs none', async () => {
      await join();
      const picky = await spawn({ runnerLabels: { gpu: 'a100' } });
      await running(await spawn());
      expect(await reason(picky)).toBe('no connected runner has the labels gpu=a100');
    });
  });

  describe('of what an agent starts', () => {
    const child = (parent: string, more: Partial<SpawnSessionBody> = {}): Promise<string> => service.spawn({ projectId, ...more }, agent(parent)).then(({ id }) => id);

    it('is as urgent as it is itself, on such runners, and never more urgent', async () => {
      await join('gpu', { labels: { gpu: 'yes' } });
      const parent = await spawn({ priority: 7, runnerLabels: { gpu: 'yes' } });
      await running(parent);
      expect(service.session(await child(parent))).toMatchObject({ priority: 7, runnerLabels: { gpu: 'yes' } });
      expect(service.session(await child(parent, { priority: -3 }))).toMatchObject({ priority: -3 });
      await expect(child(parent, { priority: 8 })).rejects.toMatchObject({ code: 'FORBIDDEN' });
      await expect(child(parent, { runnerLabels: {} })).rejects.toMatchObject({ code: 'FORBIDDEN' });
    });
  });

  it('runs no more of a project at once than it may, says so, and goes on when one ends or the bound is lifted', async () => {
    const runner = await join();
    await service.call(SessionRpc.updateProject, { id: projectId, body: { maxSessions: 1 }, meta: meta() });
    const [first, second, third] = [await spawn(), await spawn(), await spawn()];
    const other = await spawn({ projectId: (await service.project('/work/other', 'Other')).id });
    await Promise.all([first, other].map(running));
    expect(await reason(second)).toBe('its project runs 1 of 1');

    await end(runner, first);
    await running(second);
    expect(service.session(third).state).toBe('created');
    await service.call(SessionRpc.updateProject, { id: projectId, body: { maxSessions: null }, meta: meta() });
    await eventually(async () => { await tick(); return service.session(third).state === 'running'; });
  });

  describe('by directory', () => {
    const has = (...directories: string[]) => (path: string): boolean => directories.includes(path);

    it('goes on to the next runner at once where one does not have it, and asks that one for others', async () => {
      await join('slot-0', { directories: has('/work/repo/a') });
      await join('slot-1', { directories: has('/work/repo/b'), capacity: 2 });
      const [a, b] = [await spawn({ workingDir: '/work/repo/a' }), await spawn({ workingDir: '/work/repo/b' })];
      await Promise.all([a, b].map(running));
      expect([a, b].map(runnerOf)).toEqual(['slot-0', 'slot-1']);
    });

    it('asks only those that have it where they say which they have', async () => {
      const elsewhere = await join('slot-0', { roots: ['/work/other'] });
      await join('slot-1', { roots: ['/work/repo'], capacity: 1 });
      const first = await spawn({ workingDir: '/work/repo/a' });
      await running(first);
      expect([runnerOf(first), elsewhere.heard('start').length]).toEqual(['slot-1', 0]);
      expect(await reason(await spawn())).toBe('every capable runner is at its capacity');
    });

    it('is refused at the spawn when no runner has it', async () => {
      await join('slot-0', { directories: has('/work/repo') });
      await join('slot-1', { directories: has('/work/repo') });
      await expect(spawn({ workingDir: '/work/repo/nowhere' })).rejects.toMatchObject({ code: 'WORKING_DIR_INVALID' });
    });

    it('ends a session whose directory has gone from every runner, and waits for one that is only silent', async () => {
      const runners = await Promise.all(['slot-0', 'slot-1'].map((id) => join(id, { capacity: 0 })));
      const id = await spawn();
      for (const { script } of runners) Object.assign(script, { capacity: 4, directories: has() });
      runners[1].leave();
      await eventually(async () => { await tick(1_000); return service.session(id).waiting?.reason?.includes('can work in its directory'); });
      expect(service.session(id).state).toBe('starting');

      await eventually(async () => { await tick(1_000); return service.session(id).state === 'error'; });
      expect(service.session(id).outcome).toMatchObject({ code: 'config_invalid', message: 'no capable runner can work in its directory: /work/repo is no directory.' });
    });
  });
});
