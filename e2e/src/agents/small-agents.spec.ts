import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Approval, SessionView } from '@orbitmesh/domain';
import { CLAUDE_CODE, claudeProviderEntry, eventually, GEMINI_CLI, geminiProviderEntry, inFull, installAgent, ModelStandIn, processesNaming, scenarioTag } from '@orbitmesh/testing';
import { Feed } from '../support/feed.js';
import { marksIn, plantPrograms } from '../support/hostile-repository.js';
import { Scenario } from '../support/scenario.js';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));

/** The real programs that are small enough to run always, driven by REST alone, on one stack; only the model behind them is scripted. */
let standIn: ModelStandIn;
let scenario: Scenario;
let home: string;

beforeAll(async () => {
  const scripts = await Promise.all([GEMINI_CLI, CLAUDE_CODE].map((agent) => installAgent(CHECKOUT, agent)));
  standIn = await ModelStandIn.start();
  const [gemini, claude] = [geminiProviderEntry, claudeProviderEntry].map((entryOf, index) => entryOf({ script: scripts[index], standInUrl: standIn.url }));
  home = await mkdtemp(join(tmpdir(), 'om-agents-'));
  await writeFile(join(home, 'providers.json'), JSON.stringify({ gemini, claude }, null, 2));
  scenario = await Scenario.start({ home });
}, 300_000);

afterAll(async () => {
  await scenario?.stop();
  await standIn?.close();
  if (home) await rm(home, { recursive: true, force: true });
}, 60_000);

const nothingLeft = (id: string) => eventually(async () => (await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).length === 0, { what: 'nothing of the agent left' });

it('are listed as providers with their versions', async () => {
  const versions = await eventually(async () => {
    const { items } = await scenario.api.get<{ items: { name: string; version: string | null }[] }>('/api/providers');
    const known = Object.fromEntries(items.map(({ name, version }) => [name, version]));
    return known.gemini && known.claude ? known : undefined;
  }, { what: 'the versions', timeoutMs: 90_000 });
  expect(versions).toMatchObject({ gemini: GEMINI_CLI.version, claude: CLAUDE_CODE.version });
}, 120_000);

describe('gemini-cli, from POST /api/sessions/spawn', () => {
  it('edits a file in a repository after its permission was granted through our approvals', async () => {
    const notes = join(scenario.repository, 'index.js');
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
    await nothingLeft(id);
  }, 120_000);

  inFull('is denied an edit, and says through the MCP server it was given that it is done all the same', async () => {
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
    await nothingLeft(id);
  }, 120_000);

  inFull('is found again by a runner that was killed while it asked, and does what it was then allowed', async () => {
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
    await nothingLeft(id);
  }, 120_000);
});

describe('claude-code, from POST /api/sessions/spawn', () => {
  const USAGE = { input: 10, output: 20, cacheRead: 30, cacheWrite: 40 };
  const shell = (command: string) => ({ names: ['Bash'], args: { command, description: 'a command' } });

  async function spawn(more: object): Promise<SessionView> {
    const project = await scenario.project({ workingDir: await scenario.anotherRepository() });
    return scenario.spawn(project.id, { name: 'Claude', providerType: 'claude', permissionMode: 'ask', ...more });
  }

  async function answer(id: string, title: string, body: object): Promise<void> {
    const approval = await eventually(async () => {
      const { items } = await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${id}/approvals`);
      return items.find(({ state }) => state === 'open');
    }, { what: `its question: ${title}`, timeoutMs: 60_000 });
    expect(approval.title).toBe(title);
    await scenario.api.post(`/api/sessions/${id}/approvals/${approval.id}`, body);
  }

  it('asks, hears why it may not, edits, reports by our tools and our command without asking, and ends completed with its tokens', async () => {
    const project = await scenario.project({ workingDir: await scenario.anotherRepository() });
    const marks = await scenario.directory();
    await plantPrograms(project.workingDir, marks, 'http://127.0.0.1:9');
    const index = join(project.workingDir, 'index.js');
    const { id } = await scenario.spawn(project.id, {
      providerType: 'claude', permissionMode: 'ask', systemPrompt: 'Change as little as you can.',
      initialDirective: scenarioTag({
        say: 'I will correct the answer.', then: 'All is done.', usage: USAGE,
        tools: [
          { names: ['Read'], args: { file_path: index } }, { names: ['report_progress'], args: { message: 'I have read it' } },
          shell('orbitmesh report progress "and say so by command"'), shell('rm index.js'),
          { names: ['Edit'], args: { file_path: index, old_string: '42', new_string: '43' } }, { names: ['report_completed'], args: { message: 'The answer is 43' } },
        ],
      }),
    });
    await answer(id, 'rm index.js', { decision: 'deny', reason: 'we need that file' });
    await answer(id, 'Edit index.js', { decision: 'allow' });

    expect(await scenario.ended(id)).toMatchObject({
      state: 'stopped', status: 'completed', outcome: { code: 'completed', message: 'The answer is 43', reported: true },
      metrics: { tokensIn: 70, tokensOut: 140, cacheRead: 210, cacheWrite: 280, reasoning: 0, requestCount: 7 },
    });
    // A repository that nobody trusts brought hooks, settings and servers for it, and none ran (the test's own git would run some).
    expect(await marksIn(marks)).toEqual([]);
    expect(execFileSync('git', ['diff', '--', 'index.js'], { cwd: project.workingDir, encoding: 'utf8' })).toMatch(/^-.*42;\n\+.*43;$/m);
    const timeline = JSON.stringify(await scenario.api.get(`/api/sessions/${id}/timeline`));
    for (const words of ['I have read it', 'and say so by command', 'The answer is 43']) expect(timeline).toContain(words);
    const heard = JSON.stringify(standIn.requests.filter(({ dialect }) => dialect === 'anthropic').map(({ body }) => body));
    for (const words of ['Change as little as you can.', 'we need that file']) expect(heard).toContain(words);
    await nothingLeft(id);
  }, 120_000);

  inFull('is killed in the middle of a tool, leaves nothing, and its conversation is gone on with', async () => {
    const { id } = await spawn({ mode: 'interactive', permissionMode: 'allow', initialDirective: scenarioTag({ say: 'The word is xylophone.', then: 'never said', tools: [shell('touch x; exec sleep 300')] }) });
    const processes = () => processesNaming(`ORBITMESH_SESSION_ID=${id}`);
    await eventually(async () => (await processes()).some(({ command }) => command.startsWith('sleep 300')), { what: 'its command', timeoutMs: 60_000 });
    for (const { pid } of (await processes()).filter(({ command }) => command.includes('--session-id'))) process.kill(pid, 'SIGKILL');
    expect((await scenario.ended(id)).outcome?.code).toBe('agent_crash');
    await nothingLeft(id);

    const next = await scenario.api.post<SessionView>(`/api/sessions/${id}/continue`, { initialDirective: scenarioTag({ say: '', then: 'Here again.', tools: [], usage: USAGE }) });
    const { agentSessionId, metrics } = await scenario.until(next.id, (session) => session.activity === 'idle' && session.metrics.requestCount > 0, 'idle');
    expect(agentSessionId).toBe((await scenario.session(id)).agentSessionId);
    expect(metrics).toMatchObject({ tokensIn: 10, requestCount: 1 });
    expect(JSON.stringify(standIn.requests.at(-1)!.body)).toContain('The word is xylophone.');
    await scenario.api.post(`/api/sessions/${next.id}/stop`);
    expect((await scenario.ended(next.id)).outcome?.code).toBe('finished');
    await nothingLeft(next.id);
  }, 120_000);

  inFull('ends with the kind of trouble when the model does not answer', async () => {
    const failing = [[401, 'auth_required', 'auth'], [429, 'rate_limit', 'rate_limit']] as const;
    const sessions = await Promise.all(failing.map(([status]) => spawn({ initialDirective: scenarioTag({ say: '', then: '', tools: [], fail: { status } }) })));
    for (const [index, [, code, kind]] of failing.entries()) {
      expect(await scenario.ended(sessions[index].id)).toMatchObject({ state: 'error', status: 'failed', outcome: { code }, error: { code, kind } });
      await nothingLeft(sessions[index].id);
    }
  }, 120_000);
});
