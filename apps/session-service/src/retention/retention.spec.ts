import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SessionRpc } from '@orbitmesh/contracts';
import { HealthRegistry } from '@orbitmesh/service-kit';
import { eventually } from '@orbitmesh/testing';
import { storeDirectory } from '../store/store.provider.js';
import type { SessionServiceConfig } from '../session-service.config.js';
import { FailingFs } from '../testing/failing-fs.js';
import { ScriptedRunner } from '../testing/scripted-runner.js';
import { meta, TestService } from '../testing/test-service.js';
import { RetentionService } from './retention.service.js';

const DAY_MS = 24 * 3_600_000;

describe('retention', () => {
  let service: TestService;
  let runner: ScriptedRunner;
  let disk: FailingFs;
  let projectId: string;

  beforeEach(async () => {
    disk = new FailingFs();
    await startWith({ retainDays: 30 });
    projectId = (await service.project()).id;
  });
  afterEach(() => service.remove());

  async function startWith(config: Partial<SessionServiceConfig>): Promise<void> {
    service = await TestService.start({ ...(service && { home: service.home, clock: service.clock }), config, storage: { fs: disk.fs, limits: { retryDelayMs: 1 } } });
    runner = await new ScriptedRunner(service.bus, service.clock).join();
  }

  async function running(body: object = {}): Promise<string> {
    const { id } = await service.spawn({ projectId, ...body });
    await eventually(() => service.session(id).state === 'running');
    await runner.saw(id, { type: 'output', stream: 'agent', content: `a secret plan ${'x'.repeat(2_000)}` });
    return id;
  }

  async function ended(how: 'stop' | 'shutdown' = 'stop'): Promise<string> {
    const id = await running();
    if (how === 'stop') await service.call(SessionRpc.actOnSession, { id, action: 'stop', meta: meta() });
    else await runner.saw(id, { type: 'run_ended', cause: 'shutdown', left: 0 });
    await eventually(() => service.session(id).endedAt !== null);
    return id;
  }

  /** Later, with everything that was said in its files. */
  async function lookAfter(days: number): Promise<void> {
    // Not by the timers: each of so many beats would be answered.
    service.clock.setWall(service.clock.wall() + days * DAY_MS);
    await service.store.flush();
    await service.get(RetentionService).look();
  }

  const page = (id: string, after?: number) => service.call(SessionRpc.sessionEventPage, { id, ...(after !== undefined && { after }) });
  const file = async (id: string) => readFile(join(storeDirectory(service.home), `sessions/${id}/events.ndjson`), 'utf8');
  const told = () => service.get(HealthRegistry).report().details.retention;

  it('takes the events of what ended too long ago: the session stays, and says so, as does the first event that is left', async () => {
    const id = await ended();
    const before = await page(id);
    await lookAfter(31);

    const { items } = await page(id);
    const upTo = before.items.length;
    expect(items.map(({ type, sessionSeq }) => [type, sessionSeq])).toEqual([['session:transcript_removed', upTo + 1], ['session:updated', upTo + 2]]);
    expect(items[0].data).toEqual({ upTo, bytes: expect.any(Number), reason: 'age' });
    expect(await service.call(SessionRpc.getSession, { id })).toMatchObject({ state: 'stopped', transcriptRemoved: { upTo, reason: 'age' } });
    await expect(page(id, 1)).rejects.toMatchObject({ code: 'CURSOR_GONE', details: { oldest: String(upTo + 1) } });
    await service.store.flush();
    expect(await file(id)).not.toContain('secret plan');
    expect(told()).toMatchObject({ ageMsMax: 30 * DAY_MS, bytesMax: null, removed: { sessions: 1 }, notice: null });
  });

  it('touches nothing that lives, is not old enough, or is still continued; and nothing twice', async () => {
    const lives = await running();
    const old = await ended();
    await lookAfter(31);
    const young = await ended();
    const revision = service.session(old).revision;
    await lookAfter(1);

    expect([lives, young].map((id) => service.session(id).transcriptRemoved)).toEqual([undefined, undefined]);
    expect((await page(lives)).items[0].sessionSeq).toBe(1);
    expect(service.session(old).revision).toBe(revision);
  });

  it('is off unless it is configured', async () => {
    const id = await ended();
    await service.stop();
    await startWith({});
    await lookAfter(3_000);

    expect(service.session(id).transcriptRemoved).toBeUndefined();
    expect(told()).toMatchObject({ ageMsMax: null, bytesMax: null, bytes: expect.any(Number) });
  });

  it('for want of room takes the oldest first, no more than it must, and nothing that waits to be continued', async () => {
    const shutDown = await ended('shutdown');
    const oldest = await ended();
    const next = await ended();
    await service.stop();
    await startWith({ retainMib: 1 });
    const rules = service.get(RetentionService).rules;
    await service.store.flush();
    const bytes = [shutDown, oldest, next].reduce((sum, id) => sum + service.store.transcripts.extentOf(id).bytes, 0);
    rules.bytesMax = bytes - 1;
    await lookAfter(2);
    expect([shutDown, oldest, next].map((id) => service.session(id).transcriptRemoved?.reason)).toEqual([undefined, 'size', undefined]);

    rules.bytesMax = 1;
    await lookAfter(0);
    expect([shutDown, next].map((id) => service.session(id).transcriptRemoved?.reason)).toEqual([undefined, 'size']);
    expect(told()).toMatchObject({ notice: expect.stringContaining('no more of them may go yet') });
    await lookAfter(7);
    expect(service.session(shutDown).transcriptRemoved?.reason).toBe('size');
  });

  it('goes on after a disk that took nothing, and what was removed stays so after a start', async () => {
    const id = await ended();
    await service.store.flush();
    disk.error = 'EIO';
    service.clock.setWall(service.clock.wall() + 31 * DAY_MS);
    await service.get(RetentionService).look();
    expect(told()).toMatchObject({ removed: { sessions: 0 }, notice: expect.stringContaining('cannot be removed now') });
    expect((await page(id)).items[0].sessionSeq).toBe(1);

    disk.error = null;
    await eventually(async () => (await service.get(RetentionService).look(), service.session(id).transcriptRemoved !== undefined));
    await service.stop();
    await startWith({});
    expect((await page(id)).items[0].type).toBe('session:transcript_removed');
    expect(service.store.health().quarantined).toEqual([]);
  });
});
