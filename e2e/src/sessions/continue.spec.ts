import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventEnvelope, Mail, Manifest, Project, ProviderInfo, SessionView } from '@orbitmesh/domain';
import { eventually, inFull } from '@orbitmesh/testing';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

const PROVIDERS = { shell: { driver: 'process', command: [process.execPath, '-e', "console.log('done')"] } };
const BUSY = { demo: { steps: 600, delayMs: 100 } };

describe('a session that continues another', () => {
  let home: string;
  let scenario: Scenario;
  let project: Project;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'om-home-'));
    await writeFile(join(home, 'providers.json'), JSON.stringify(PROVIDERS), { mode: 0o600 });
    scenario = await Scenario.start({ home });
    project = await scenario.project();
  }, 90_000);
  afterAll(async () => {
    await scenario.stop();
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  const goOn = (id: string, body: object) => scenario.api.request<SessionView & { code: string }>('POST', `/api/sessions/${id}/continue`, { body });
  const wentOn = async (id: string, body: object): Promise<SessionView> => {
    const answer = await goOn(id, body);
    expect(answer).toMatchObject({ status: 201 });
    return answer.body;
  };
  const events = async (id: string): Promise<EventEnvelope[]> => (await pageAll((path) => scenario.api.get(path))).filter((event) => event.sessionId === id);
  const outputOf = async (id: string): Promise<string> => (await events(id)).filter(({ type }) => type === 'output').map(({ data }) => (data as { content: string }).content).join('');
  const completed = async (more: object = {}): Promise<SessionView> => scenario.ended((await scenario.spawn(project.id, more)).id);

  it('goes on in the same conversation, knows what was before, and completes; so does the one that continues it', async () => {
    const task = await scenario.task(project.id);
    const before = await completed({ taskIds: [task.id], name: 'First look' });
    const answer = await goOn(before.id, { initialDirective: 'Look again' });
    expect(answer.status).toBe(201);
    expect(answer.headers.get('location')).toBe(`/api/sessions/${answer.body.id}`);
    expect(answer.body).toMatchObject({ continues: before.id, projectId: project.id, taskIds: [task.id], providerType: 'demo', workingDir: before.workingDir });

    const after = await scenario.ended(answer.body.id);
    expect(after).toMatchObject({ state: 'stopped', outcome: { code: 'completed', reported: true }, continues: before.id, agentSessionId: before.agentSessionId, error: null });
    const said = await outputOf(after.id);
    expect(said).toContain(`I remember this conversation: 1 turn, the last one in the session ${before.id}.\n- "Survey the repository": Wrote orbitmesh-report-${before.id}.md`);
    expect(said).toContain(`Since then: 1 new file (orbitmesh-report-${before.id}.md), 0 gone.`);
    expect(said.match(/Looking through/g)).toHaveLength(1);
    expect(await readFile(join(scenario.repository, `orbitmesh-report-${after.id}.md`), 'utf8')).toContain('Directive: Look again');
    expect(await scenario.api.get(`/api/tasks/${task.id}`)).toMatchObject({ taskSessionStatuses: { [before.id]: 'completed', [after.id]: 'completed' } });
    expect(await scenario.api.get<Manifest>(`/api/sessions/${after.id}/manifest`)).toMatchObject({ sessionId: after.id, initialDirective: 'Look again' });
    expect((await scenario.session(before.id)).revision).toBe(before.revision);

    const last = await scenario.ended((await wentOn(after.id, { initialDirective: 'recall' })).id);
    expect(last).toMatchObject({ outcome: { code: 'completed' }, continues: after.id, agentSessionId: before.agentSessionId });
    expect(await outputOf(last.id)).toMatch(/I remember this conversation: 2 turns.*\n- "Survey the repository": .*\n- "Look again": Wrote/);
  }, 180_000);

  it('is refused while the other lives, while one continues it already, and where the driver cannot', async () => {
    const { id } = await scenario.spawn(project.id, { custom: BUSY });
    // Killed before it has said something it would have no turn to be broken off.
    await eventually(async () => (await events(id)).some(({ type }) => type === 'thought'), { what: 'the first turn' });
    expect(await goOn(id, { initialDirective: 'go on' })).toMatchObject({ status: 409, body: { code: 'SESSION_NOT_TERMINAL' } });
    await scenario.api.post(`/api/sessions/${id}/kill`);
    await scenario.ended(id);

    const first = await wentOn(id, { initialDirective: 'go on' });
    expect(await goOn(id, { initialDirective: 'go on, too' })).toMatchObject({ status: 409, body: { code: 'CONFLICT' } });
    await eventually(async () => (await outputOf(first.id)).includes('- "Survey the repository": broken off\n'), { what: 'what it remembers' });
    await scenario.api.post(`/api/sessions/${first.id}/stop`);
    await scenario.ended(first.id);
    expect(await outputOf(first.id)).toContain('- "Survey the repository": broken off\n');
    const second = await wentOn(id, { initialDirective: 'say again', custom: {} });
    expect(await scenario.ended(second.id)).toMatchObject({ outcome: { code: 'completed' } });

    const shell = await completed({ providerType: 'shell' });
    expect(await goOn(shell.id, { initialDirective: 'go on' })).toMatchObject({ status: 409, body: { code: 'NOT_SUPPORTED' } });
    const { items } = await scenario.api.get<{ items: ProviderInfo[] }>('/api/providers');
    expect(Object.fromEntries(items.map(({ name, capabilities }) => [name, capabilities.continue]))).toEqual({ demo: true, shell: false });
  }, 180_000);

  it('gets the mail that was kept for it', async () => {
    const before = await completed();
    const letter = { toSessionId: before.id, subject: 'One more thing', body: 'Count the lighthouses, please.' };
    expect(await scenario.api.request('POST', '/api/mail', { body: letter })).toMatchObject({ status: 409, body: { code: 'SESSION_ENDED' } });
    const kept = await scenario.api.post<Mail>('/api/mail', { ...letter, keepForContinuation: true });
    expect(kept).toMatchObject({ state: 'queued', toSessionId: before.id });

    const { id } = await wentOn(before.id, { initialDirective: 'Wait for what comes', custom: { demo: { askInput: true } } });
    expect(await scenario.ended(id)).toMatchObject({ outcome: { code: 'completed', reported: true } });

    expect(await scenario.api.get(`/api/mail/${kept.id}`)).toMatchObject({ state: 'delivered', deliveredBy: 'input', toSessionId: id });
    const report = await readFile(join(scenario.repository, `orbitmesh-report-${id}.md`), 'utf8');
    expect(report.match(/> Count the lighthouses, please\./g)).toHaveLength(1);
    expect((await events(id)).filter(({ type }) => type === 'input')).toHaveLength(1);
  }, 120_000);

  it('cannot start, says why, and begins no other conversation, where the old one is gone or damaged', async () => {
    const before = await completed();
    const kept = join(home, 'provider-runner/slot-0/agents/demo', before.conversationId);
    const file = join(kept, `${before.agentSessionId}.json`);
    await writeFile(file, (await readFile(file, 'utf8')).slice(0, 50));
    const damaged = await scenario.ended((await wentOn(before.id, { initialDirective: 'go on' })).id);
    expect(damaged).toMatchObject({ state: 'error', status: 'failed', outcome: { code: 'start_failed', message: expect.stringContaining('is damaged') } });

    await rm(file);
    const names = await readdir(kept);
    const gone = await scenario.ended((await wentOn(before.id, { initialDirective: 'go on' })).id);
    expect(gone).toMatchObject({ state: 'error', status: 'failed', outcome: { code: 'start_failed', message: expect.stringContaining('no longer, kept on this runner') } });
    expect(await readdir(kept)).toEqual(names);
  }, 120_000);

  // Another start of a stack; what ended otherwise is gone on with above.
  inFull('goes on with one that Ctrl-C ended, once the stack is there again', async () => {
    const { id } = await scenario.spawn(project.id, { custom: BUSY });
    await scenario.until(id, (session) => session.state === 'running' && session.activity === 'thinking', 'at work');
    expect(await scenario.stack.interrupt()).toMatchObject({ code: 0 });
    const again = await Scenario.start({ home });
    try {
      expect(await again.ended(id)).toMatchObject({ outcome: { code: 'shutdown' } });
      const next = await again.api.post<SessionView>(`/api/sessions/${id}/continue`, { initialDirective: 'recall', custom: {} });
      expect(await again.ended(next.id)).toMatchObject({ outcome: { code: 'completed' }, continues: id });
      const said = (await pageAll((path) => again.api.get(path))).filter(({ sessionId, type }) => sessionId === next.id && type === 'output');
      expect(said.map(({ data }) => (data as { content: string }).content).join('')).toMatch(/- "Survey the repository": (cancelled|broken off)\n/);
    } finally {
      await again.stop();
    }
  }, 180_000);
});
