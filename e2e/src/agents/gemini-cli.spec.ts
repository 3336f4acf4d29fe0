import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Approval } from '@orbitmesh/domain';
import { eventually, GEMINI_CLI, geminiProviderEntry, installAgent, ModelStandIn, processesNaming, scenarioTag } from '@orbitmesh/testing';
import { Feed } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));

/** The real program, driven by REST alone; only the model behind it is scripted. */
describe('gemini-cli, from POST /api/sessions/spawn', () => {
  let standIn: ModelStandIn;
  let scenario: Scenario;
  let home: string;
  let notes: string;

  beforeAll(async () => {
    const script = await installAgent(CHECKOUT, GEMINI_CLI);
    standIn = await ModelStandIn.start();
    home = await mkdtemp(join(tmpdir(), 'om-gemini-'));
    const entry = geminiProviderEntry({ script, standInUrl: standIn.url });
    await writeFile(join(home, 'providers.json'), JSON.stringify({ gemini: entry }, null, 2));
    scenario = await Scenario.start({ home });
    notes = join(scenario.repository, 'index.js');
  }, 300_000);

  afterAll(async () => {
    await scenario?.stop();
    await standIn?.close();
    if (home) await rm(home, { recursive: true, force: true });
  }, 60_000);

  it('edits a file in a repository after its permission was granted through our approvals', async () => {
    const project = await scenario.project();
    const feed = await Feed.open(scenario.stack, { filter: { projectId: project.id } });
    const { id } = await scenario.spawn(project.id, {
      providerType: 'gemini', model: 'gemini-2.5-flash', mode: 'interactive', permissionMode: 'ask', systemPrompt: 'Change as little as you can.',
      initialDirective: scenarioTag({
        say: 'I will correct the answer.', then: 'The answer is corrected.',
        tools: [{ names: ['write_file'], args: { file_path: notes, content: 'export const answer = 43;\n' } }],
      }),
    });

    await scenario.until(id, (session) => session.needsInput?.active === true, 'its question');
    expect(await readFile(notes, 'utf8')).toContain('42');
    const { items: [approval] } = await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${id}/approvals`);
    expect(approval).toMatchObject({ state: 'open', toolCall: { kind: 'edit' } });
    await scenario.api.post(`/api/sessions/${id}/approvals/${approval.id}`, { decision: 'allow' });
    await scenario.until(id, (session) => session.activity === 'idle' && session.needsInput === null, 'idle');

    expect(execFileSync('git', ['diff', '--', 'index.js'], { cwd: scenario.repository, encoding: 'utf8' })).toMatch(/^-.*42;\n\+.*43;$/m);
    const session = await scenario.session(id);
    expect(session.metrics.tokensIn).toBeGreaterThan(0);
    expect(session.metrics.tokensOut).toBeGreaterThan(0);
    await feed.until((event) => event.type === 'output' && JSON.stringify(event.data).includes('corrected.'), 'its last words');
    const mine = feed.events.filter((event) => event.sessionId === id);
    expect(mine.map(({ sessionSeq }) => sessionSeq)).toEqual(mine.map((_event, index) => index + 1));
    expect(mine.filter(({ type }) => type === 'tool_call').at(-1)?.data).toMatchObject({ kind: 'edit', status: 'completed' });
    await feed.close();

    await scenario.api.post(`/api/sessions/${id}/stop`);
    expect(await scenario.ended(id)).toMatchObject({ state: 'stopped', status: 'completed', outcome: { code: 'finished' } });
    expect(JSON.stringify(standIn.requests)).toContain('Change as little as you can.');
    expect(standIn.requests.map(({ path }) => path)).toContain('/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse');
    expect(standIn.phonedHome).toEqual([]);
    await eventually(async () => (await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).length === 0, { what: 'nothing of the agent left' });
  }, 120_000);

  it('is denied an edit, and says through the MCP server it was given that it is done all the same', async () => {
    const project = await scenario.project();
    const task = await scenario.task(project.id);
    const { id } = await scenario.spawn(project.id, {
      providerType: 'gemini', permissionMode: 'deny', taskIds: [task.id],
      initialDirective: scenarioTag({
        say: 'I will try.', then: 'That is all.',
        tools: [
          { names: ['report_progress'], args: { message: 'Half of it is there' } },
          { names: ['write_file'], args: { file_path: join(scenario.repository, 'denied.txt'), content: 'no\n' } },
          { names: ['report_task'], args: { kind: 'completed', message: 'As far as allowed', status: 'in_review' } },
          { names: ['report_completed'], args: { message: 'All that is allowed' } },
        ],
      }),
    });

    expect(await scenario.ended(id, 90_000)).toMatchObject({ state: 'stopped', status: 'completed', outcome: { code: 'completed', reported: true, message: 'All that is allowed' } });
    const { items: timeline } = await scenario.api.get<{ items: { data: { kind: string; message: string; by: string } }[] }>(`/api/sessions/${id}/timeline`);
    expect(timeline.filter(({ data }) => data.by === 'agent').map(({ data }) => [data.kind, data.message])).toEqual([
      ['progress', 'Half of it is there'], ['task_completed', 'As far as allowed'], ['completed', 'All that is allowed'],
    ]);
    // Nobody was asked about the reports, and nobody had to allow them.
    const { items: approvals } = await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${id}/approvals`);
    expect(approvals.map(({ toolCall, answer }) => [toolCall['kind'], answer?.decision])).toEqual([['edit', 'deny']]);
    expect(await scenario.api.get(`/api/tasks/${task.id}`)).toMatchObject({ status: 'in_review', taskSessionStatuses: { [id]: 'completed' } });
    await expect(readFile(join(scenario.repository, 'denied.txt'))).rejects.toThrow('ENOENT');
    await eventually(async () => (await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).length === 0, { what: 'nothing of the agent and its server left' });
  }, 120_000);

  it('is found again by a runner that was killed while it asked, and does what it was then allowed', async () => {
    const project = await scenario.project();
    const path = join(scenario.repository, 'survived.txt');
    const { id } = await scenario.spawn(project.id, {
      providerType: 'gemini', mode: 'interactive', permissionMode: 'ask',
      initialDirective: scenarioTag({ say: 'Waiting.', then: 'It survived.', tools: [{ names: ['write_file'], args: { file_path: path, content: 'yes\n' } }] }),
    });
    await scenario.until(id, (session) => session.needsInput?.active === true, 'its question');
    const { items: [approval] } = await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${id}/approvals`);
    await scenario.stack.kill('provider-runner/slot-0');
    await scenario.stack.waitReady();
    await scenario.api.insist('POST', `/api/sessions/${id}/approvals/${approval.id}`, { decision: 'allow' });
    await scenario.until(id, (session) => session.activity === 'idle' && session.needsInput === null, 'idle');
    expect(await readFile(path, 'utf8')).toBe('yes\n');
    await scenario.api.post(`/api/sessions/${id}/kill`);
    await scenario.ended(id);
    await eventually(async () => (await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).length === 0, { what: 'nothing of the agent left' });
  }, 120_000);

  it('is listed as a provider with its version', async () => {
    const provider = await eventually(async () => {
      const { items } = await scenario.api.get<{ items: { name: string; installed: boolean; version: string | null }[] }>('/api/providers');
      return items.find(({ name, installed, version }) => name === 'gemini' && installed && version !== null);
    }, { what: 'the provider and its version', timeoutMs: 90_000 });
    expect(provider).toMatchObject({ version: GEMINI_CLI.version });
  }, 120_000);
});
