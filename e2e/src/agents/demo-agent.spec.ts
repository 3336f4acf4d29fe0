import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Approval, EventEnvelope, Project, SessionView } from '@orbitmesh/domain';
import { eventually, inFull, oneIn, processesNaming } from '@orbitmesh/testing';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

/** What the scripted faults of the demo agent come to, seen from outside; and what survives the death of its runner. */
describe('the demo agent in a whole stack', () => {
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    scenario = await Scenario.start();
    project = await scenario.project();
  }, 90_000);
  afterAll(() => scenario.stop(), 60_000);

  const spawn = (demo: object, more: object = {}): Promise<SessionView> => scenario.spawn(project.id, { custom: { demo }, ...more });
  const events = async (id: string): Promise<EventEnvelope[]> => (await pageAll((path) => scenario.api.get(path))).filter((event) => event.sessionId === id);
  const outputOf = async (id: string): Promise<string> => (await events(id)).filter(({ type }) => type === 'output').map(({ data }) => (data as { content: string }).content).join('');
  const nothingLeft = (id: string) => eventually(async () => (await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).length === 0, { what: `nothing left of ${id}` });
  const approvals = async (id: string): Promise<Approval[]> => (await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${id}/approvals`)).items;
  const asked = async (id: string): Promise<Approval> => {
    await scenario.until(id, (session) => session.activity === 'waiting_approval', 'its question');
    return (await approvals(id))[0];
  };

  it.each(oneIn<[object, object]>(2, [
    [{ crash: true }, { state: 'error', status: 'failed', outcome: { code: 'agent_exit', exitCode: 1, reported: false } }],
    [{ crash: 'SIGKILL' }, { state: 'error', status: 'failed', outcome: { code: 'agent_crash', reported: false } }],
    [{ fail: 'no luck' }, { state: 'stopped', status: 'failed', outcome: { code: 'reported_failed', message: 'no luck', reported: true } }],
    [{ noReport: true }, { state: 'stopped', status: 'completed', outcome: { code: 'finished', reported: false } }],
    [{ hnag: true }, { state: 'error', status: 'failed', outcome: { code: 'start_failed', message: expect.stringContaining('custom.demo.hnag is unknown'), reported: false } }],
  ]))('ends as it should when told %j', async (demo, end) => {
    const { id } = await spawn(demo);
    expect(await scenario.ended(id)).toMatchObject(end);
    await nothingLeft(id);
  }, 90_000);

  inFull('is stopped with nothing left when it hangs, ignores SIGTERM and has let a child escape', async () => {
    const { id } = await spawn({ hang: true, ignoreTerm: true, escape: true });
    await eventually(async () => (await outputOf(id)).includes('escaped child'), { what: 'the escaped child' });
    expect(await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).not.toHaveLength(0);
    await scenario.api.post(`/api/sessions/${id}/stop`);
    expect(await scenario.ended(id)).toMatchObject({ state: 'stopped', status: 'failed', outcome: { code: 'stopped_by_user' } });
    expect(await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).toEqual([]);
  }, 90_000);

  it('brings a flood through whole, and ends', async () => {
    const { id } = await spawn({ flood: 12 });
    expect(await scenario.ended(id, 120_000)).toMatchObject({ outcome: { code: 'completed' } });
    const flooded = (await outputOf(id)).split('\n').filter((line) => line.startsWith('flood'));
    const line = 'flood '.repeat(20).trim();
    expect(flooded.every((text) => text === line)).toBe(true);
    expect(flooded.length * (line.length + 1)).toBeGreaterThanOrEqual(12 * 1024 * 1024);
  }, 180_000);

  it('waits for input and works with it', async () => {
    const { id } = await spawn({ askInput: true });
    await scenario.until(id, (session) => session.needsInput?.source === 'timeline' && session.activity === 'idle', 'its question');
    await scenario.api.post(`/api/sessions/${id}/input`, { text: 'How large is it?' });
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'completed', reported: true }, needsInput: null });
    expect(await readFile(join(scenario.repository, `orbitmesh-report-${id}.md`), 'utf8')).toContain('> How large is it?');
  }, 90_000);

  it('talks on in interactive mode until its user ends it', async () => {
    const { id } = await spawn({}, { mode: 'interactive' });
    await eventually(async () => (await outputOf(id)).includes('Done.'), { what: 'the end of its work', timeoutMs: 30_000 });
    await scenario.api.post(`/api/sessions/${id}/input`, { text: 'say still here' });
    await eventually(async () => (await outputOf(id)).includes('still here'), { what: 'its answer' });
    await scenario.until(id, (session) => session.activity === 'idle', 'idle');
    await scenario.api.post(`/api/sessions/${id}/stop`);
    expect((await scenario.ended(id)).status).toBe('completed');
  }, 90_000);

  inFull('is interrupted while it asks: the question is withdrawn, and it takes input again', async () => {
    const { id } = await spawn({}, { permissionMode: 'ask', mode: 'interactive' });
    await asked(id);
    await scenario.api.post(`/api/sessions/${id}/interrupt`);
    await scenario.until(id, (session) => session.activity === 'idle' && session.needsInput === null, 'idle');
    expect((await approvals(id)).map(({ state }) => state)).toEqual(['cancelled']);
    await scenario.api.post(`/api/sessions/${id}/input`, { text: 'count' });
    await eventually(async () => / files, \d+ bytes\n/.test(await outputOf(id)), { what: 'its answer' });
    await scenario.api.post(`/api/sessions/${id}/kill`);
    await scenario.ended(id);
  }, 90_000);

  it('can be answered after its runner was killed while it asked', async () => {
    const { id } = await spawn({ numbered: 20 }, { permissionMode: 'ask' });
    const approval = await asked(id);
    await scenario.stack.kill('provider-runner/slot-0');
    await scenario.stack.waitReady();
    await scenario.api.insist('POST', `/api/sessions/${id}/approvals/${approval.id}`, { decision: 'allow' });
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'completed', reported: true } });
    expect((await approvals(id)).map(({ state, delivered }) => ({ state, delivered }))).toEqual([{ state: 'answered', delivered: true }]);
    expect((await outputOf(id)).match(/numbered \d+\/20/g)).toEqual(Array.from({ length: 20 }, (_none, index) => `numbered ${index + 1}/20`));
    const types = (await events(id)).map(({ type }) => type);
    expect(types.filter((type) => type === 'approval_requested')).toHaveLength(1);
    expect(types.filter((type) => type === 'approval_resolved')).toHaveLength(1);
  }, 120_000);

  inFull('gets the answer that was given while its runner was dead', async () => {
    const { id } = await spawn({}, { permissionMode: 'ask' });
    const approval = await asked(id);
    await scenario.stack.kill('provider-runner/slot-0');
    await scenario.api.insist('POST', `/api/sessions/${id}/approvals/${approval.id}`, { decision: 'allow' });
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'completed', reported: true } });
  }, 120_000);

  inFull('holds the answer while paused', async () => {
    const { id } = await spawn({}, { permissionMode: 'ask' });
    const approval = await asked(id);
    await scenario.api.post(`/api/sessions/${id}/pause`);
    await scenario.until(id, (session) => session.state === 'paused', 'paused');
    await scenario.api.post(`/api/sessions/${id}/approvals/${approval.id}`, { decision: 'allow' });
    await eventually(async () => (await approvals(id))[0].state === 'answered', { what: 'the answer on record' });
    expect((await approvals(id))[0].delivered).toBe(false);
    await scenario.api.post(`/api/sessions/${id}/resume`);
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'completed', reported: true } });
  }, 90_000);
});
