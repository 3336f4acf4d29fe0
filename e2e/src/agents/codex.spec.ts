import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Approval, SessionView } from '@orbitmesh/domain';
import { CODEX, CODEX_KEY, codexProviderEntry, eventually, installAgent, ModelStandIn, processesNaming, scenarioTag } from '@orbitmesh/testing';
import { Feed } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const USAGE = { input: 234, output: 56, cacheRead: 1000, reasoning: 7 };
const exec = (cmd: string) => ({ names: ['exec_command'], args: { cmd, yield_time_ms: 30_000 } });

/** 404 MB with its binary: `npm run test:agents` sets the variable. */
const withAgents = process.env.ORBITMESH_TEST_AGENTS === '1' ? describe : describe.skip;

/** The real program, driven by REST alone; only the model behind it is scripted. */
withAgents('codex, from POST /api/sessions/spawn', () => {
  let standIn: ModelStandIn;
  let scenario: Scenario;
  let home: string;
  let secrets: string;

  beforeAll(async () => {
    const script = await installAgent(CHECKOUT, CODEX);
    standIn = await ModelStandIn.start();
    home = await mkdtemp(join(tmpdir(), 'om-codex-'));
    const { env: { OPENAI_API_KEY: _key, ...env } = {}, ...entry } = codexProviderEntry({ script, standInUrl: standIn.url });
    secrets = await mkdtemp(join(tmpdir(), 'om-codex-secrets-'));
    await writeFile(join(secrets, 'key'), CODEX_KEY, { mode: 0o600 });
    await writeFile(join(home, 'providers.json'), JSON.stringify({ codex: { ...entry, env, secrets: { OPENAI_API_KEY: `file:${join(secrets, 'key')}` } } }, null, 2));
    scenario = await Scenario.start({ home });
  }, 300_000);

  afterAll(async () => {
    await scenario?.stop();
    await standIn?.close();
    for (const path of [home, secrets]) if (path) await rm(path, { recursive: true, force: true });
  }, 60_000);

  const spawn = async (more: object): Promise<SessionView> => scenario.spawn((await scenario.project()).id, { name: 'Codex', providerType: 'codex', mode: 'interactive', permissionMode: 'ask', ...more });
  const question = async (id: string, state = 'open'): Promise<Approval> => eventually(async () => {
    const { items } = await scenario.api.get<{ items: Approval[] }>(`/api/sessions/${id}/approvals`);
    return items.find((approval) => approval.state === state);
  }, { what: 'its question', timeoutMs: 60_000 });
  const idle = (id: string) => scenario.until(id, (session) => session.activity === 'idle' && session.needsInput === null && session.metrics.requestCount > 0, 'idle');
  const nothingLeft = (id: string) => eventually(async () => (await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).length === 0, { what: 'nothing of the agent left' });

  it('is told why it was denied, edits a file after its permission was granted, and counts its tokens exactly', async () => {
    const { id, projectId } = await spawn({
      systemPrompt: 'Change as little as you can.',
      initialDirective: scenarioTag({
        say: 'I will correct the answer.', then: 'The answer is corrected.', usage: USAGE,
        tools: [exec('rm index.js'), exec("apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: index.js\n@@\n-export const answer = 42;\n+export const answer = 43;\n*** End Patch\nEOF")],
      }),
    });
    const feed = await Feed.open(scenario.stack, { filter: { projectId } });
    const first = await question(id);
    expect(first).toMatchObject({ title: 'rm index.js', toolCall: { kind: 'execute' } });
    await scenario.api.post(`/api/sessions/${id}/approvals/${first.id}`, { decision: 'deny', reason: 'we need that file' });
    const second = await question(id);
    expect(second).toMatchObject({ title: 'Edit index.js', toolCall: { kind: 'edit' } });
    await scenario.api.post(`/api/sessions/${id}/approvals/${second.id}`, { decision: 'allow' });
    const { metrics } = await idle(id);

    expect(execFileSync('git', ['diff', '--', 'index.js'], { cwd: scenario.repository, encoding: 'utf8' })).toMatch(/^-.*42;\n\+.*43;$/m);
    expect(metrics).toMatchObject({ tokensIn: 3 * USAGE.input, tokensOut: 3 * USAGE.output, cacheRead: 3 * USAGE.cacheRead, reasoning: 3 * USAGE.reasoning, requestCount: 3 });
    expect(JSON.stringify(standIn.requests.at(-1)!.body)).toContain('The reason: we need that file');
    expect(JSON.stringify(standIn.requests.at(-1)!.body)).toContain('Change as little as you can.');
    await feed.until((event) => event.type === 'output' && JSON.stringify(event.data).includes('corrected.'), 'its last words');
    expect(feed.events.filter((event) => event.type === 'metadata' && JSON.stringify(event.data).includes('unparsed'))).toEqual([]);
    await feed.close();

    await scenario.api.post(`/api/sessions/${id}/stop`);
    expect(await scenario.ended(id)).toMatchObject({ state: 'stopped', status: 'completed', outcome: { code: 'finished' } });
    expect(standIn.requests.at(-1)!.headers.authorization).toBe(`Bearer ${CODEX_KEY}`);
    expect(standIn.phonedHome).toEqual([]);
    await nothingLeft(id);
  }, 120_000);

  it('reports progress and completion by our MCP server without being asked about it, and its session is completed', async () => {
    const { id } = await spawn({
      mode: 'task', permissionMode: 'deny',
      initialDirective: scenarioTag({
        say: 'I will.', then: 'Reported.', usage: USAGE,
        tools: [{ names: ['mcp__orbitmesh__report_progress'], args: { message: 'half of it' } }, { names: ['mcp__orbitmesh__report_completed'], args: { message: 'all of it' } }],
      }),
    });
    expect(await scenario.ended(id)).toMatchObject({
      status: 'completed', outcome: { code: 'completed', reported: true, message: 'all of it' }, metrics: { tokensIn: 3 * USAGE.input, requestCount: 3 },
    });
    expect(JSON.stringify(await scenario.api.get(`/api/sessions/${id}/timeline`))).toContain('"message":"half of it"');
    await nothingLeft(id);
  }, 120_000);

  it('is found again by a runner that was killed while it asked, is steered, and does what it was then allowed', async () => {
    const { id } = await spawn({ initialDirective: scenarioTag({ say: 'Waiting.', then: 'It survived.', tools: [exec('echo yes > survived.txt')] }) });
    const approval = await question(id);
    await scenario.stack.kill('provider-runner/slot-0');
    await scenario.stack.waitReady();
    await scenario.api.insist('POST', `/api/sessions/${id}/input`, { text: 'use the blue one', steer: true });
    await scenario.api.insist('POST', `/api/sessions/${id}/approvals/${approval.id}`, { decision: 'allow' });
    await idle(id);
    expect(await readFile(join(scenario.repository, 'survived.txt'), 'utf8')).toBe('yes\n');
    expect(JSON.stringify(standIn.requests.at(-1)!.body)).toContain('use the blue one');
    await scenario.api.post(`/api/sessions/${id}/kill`);
    await scenario.ended(id);
    await nothingLeft(id);
  }, 120_000);

  it('is killed in the middle of a command, leaves nothing, and its conversation is gone on with', async () => {
    const { id } = await spawn({ permissionMode: 'allow', initialDirective: scenarioTag({ say: 'A long one.', then: 'never said', usage: USAGE, tools: [exec('sleep 300')] }) });
    await eventually(async () => (await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).some(({ command }) => command.startsWith('sleep 300')), { what: 'its command', timeoutMs: 60_000 });
    for (const { pid } of (await processesNaming(`ORBITMESH_SESSION_ID=${id}`)).filter(({ command }) => command.includes('app-server'))) process.kill(pid, 'SIGKILL');
    expect((await scenario.ended(id)).outcome?.code).toBe('agent_crash');
    await nothingLeft(id);

    const next = await scenario.api.post<SessionView>(`/api/sessions/${id}/continue`, { initialDirective: scenarioTag({ say: '', then: 'Here again.', tools: [], usage: USAGE }) });
    const { metrics, agentSessionId } = await idle(next.id);
    expect(agentSessionId).toBe((await scenario.session(id)).agentSessionId);
    expect(metrics).toMatchObject({ tokensIn: USAGE.input, requestCount: 1 });
    expect(JSON.stringify(standIn.requests.at(-1)!.body)).toContain('sleep 300');
    await scenario.api.post(`/api/sessions/${next.id}/stop`);
    await scenario.ended(next.id);
    await nothingLeft(next.id);
  }, 120_000);

  it.each([[401, 'auth_required', 'auth'], [429, 'rate_limit', 'rate_limit']])('ends in mode task when the model answers %i: %s', async (status, code, kind) => {
    const { id } = await spawn({ mode: 'task', initialDirective: scenarioTag({ say: 'x', then: 'y', tools: [], fail: { status } }) });
    expect(await scenario.ended(id)).toMatchObject({ state: 'error', status: 'failed', outcome: { code }, error: { code, kind } });
    await nothingLeft(id);
  }, 120_000);
});
