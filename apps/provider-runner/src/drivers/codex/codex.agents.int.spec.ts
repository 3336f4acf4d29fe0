import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest, ProviderEntry } from '@orbitmesh/domain';
import { CODEX, CODEX_KEY, codexProviderEntry, eventually, installAgent, ModelStandIn, processesNaming, scenarioTag, type Scenario } from '@orbitmesh/testing';
import type { RunContext } from '../driver.js';
import { manifestOf, runContextOf } from '../testing/journaled-driver.js';
import { PipedAgent } from '../testing/piped-agent.js';
import { codexDriver } from './codex.driver.js';

const CHECKOUT = fileURLToPath(new URL('../../../../../', import.meta.url));
const MCP_SERVER = fileURLToPath(new URL('../../../dist/testing/scripted-mcp-server.js', import.meta.url));
const WAIT = { timeoutMs: 30_000 };
const USAGE = { input: 234, output: 56, cacheRead: 1000, cacheWrite: 100, reasoning: 7 };
const PATCH = "apply_patch <<'EOF'\n*** Begin Patch\n*** Update File: notes.txt\n@@\n-before\n+after\n*** End Patch\nEOF";
const exec = (cmd: string): Scenario['tools'][number] => ({ names: ['exec_command'], args: { cmd, yield_time_ms: 30_000 } });
const told = (scenario: Partial<Scenario>): string => scenarioTag({ say: 'I will.', tools: [], then: 'All is done.', ...scenario });

/** 404 MB with its binary: `npm run test:agents` sets the variable. */
const withAgents = process.env.ORBITMESH_TEST_AGENTS === '1' ? describe : describe.skip;

withAgents('codex 0.169.0, the real program', () => {
  let script: string;
  let standIn: ModelStandIn;
  let directory: string;
  let repository: string;
  const agents: PipedAgent[] = [];

  beforeAll(async () => {
    script = await installAgent(CHECKOUT, CODEX);
    standIn = await ModelStandIn.start();
    directory = mkdtempSync(join(tmpdir(), 'om-codex-'));
  }, 300_000);

  afterEach(async () => {
    for (const agent of agents.splice(0)) await agent.end();
    expect(await eventually(async () => ((await processesNaming(directory)).length === 0 ? 'none' : undefined), { ...WAIT, what: 'no process left' })).toBe('none');
    expect(standIn.phonedHome).toEqual([]);
  });
  afterAll(async () => {
    await standIn?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  function newRepository(): string {
    repository = mkdtempSync(join(directory, 'repo-'));
    execFileSync('git', ['init', '-q', repository]);
    writeFileSync(join(repository, 'notes.txt'), 'before\n');
    execFileSync('git', ['-C', repository, 'add', '.']);
    execFileSync('git', ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@localhost', 'commit', '-qm', 'first']);
    return repository;
  }

  function start(prompt: string, more: { manifest?: Partial<Manifest>; run?: Partial<RunContext>; entry?: ProviderEntry } = {}): PipedAgent {
    const workingDir = more.run?.workingDir ?? newRepository();
    const entry = more.entry ?? codexProviderEntry({ script, standInUrl: standIn.url });
    const run = runContextOf({
      workingDir, entry, stateDir: mkdtempSync(join(directory, 'state-')),
      manifest: manifestOf({ systemPrompt: 'Be careful.', prompt, workingDir, ...more.manifest }), ...more.run,
    });
    const agent = new PipedAgent(entry, run, { PATH: process.env.PATH, HOME: directory, OM_TEST: directory, ORBITMESH_TOKEN: 'omt_secret' }, codexDriver);
    agents.push(agent);
    return agent;
  }

  const ended = ({ driver }: PipedAgent, turns = 1) => eventually(() => driver.said('turn_ended')[turns - 1], { ...WAIT, what: `the end of turn ${turns}` });
  const asked = ({ driver }: PipedAgent, questions = 1) => eventually(() => driver.said('approval_requested')[questions - 1], { ...WAIT, what: 'the question' });
  const unparsed = ({ driver }: PipedAgent) => driver.said('metadata').filter(({ key }) => key === 'unparsed');
  const sleeping = async () => (await processesNaming(directory)).filter(({ command }) => command.startsWith('sleep 300'));

  it('is found with its version, thinks, plans, edits a file after its permission was granted, and counts every token', async () => {
    const agent = start(told({
      think: 'Let me see.', usage: USAGE, tools: [
        { names: ['update_plan'], args: { plan: [{ step: 'look', status: 'completed' }, { step: 'write', status: 'in_progress' }] } }, exec(PATCH),
      ],
    }));
    const { driver } = agent;
    expect(await codexDriver.detect(driver.run.entry)).toEqual({ installed: true, version: CODEX.version, detail: null });

    const { approvalId, options, toolCall } = await asked(agent);
    expect(readFileSync(join(repository, 'notes.txt'), 'utf8')).toBe('before\n');
    expect(toolCall).toMatchObject({ title: 'Edit notes.txt', kind: 'edit', content: [{ type: 'diff', diff: expect.stringContaining('+after') }] });
    expect(driver.status()).toMatchObject({ activity: 'waiting_approval', busy: true });
    await agent.step((it) => it.answerApproval({ approvalId, optionId: options.find(({ kind }) => kind === 'allow_once')!.optionId }));
    expect(await ended(agent)).toEqual({ type: 'turn_ended', stopReason: 'end_turn' });

    expect(execFileSync('git', ['-C', repository, 'diff', '--', 'notes.txt'], { encoding: 'utf8' })).toMatch(/^-before\n\+after$/m);
    expect(agent.output).toBe('I will.\nAll is done.\n');
    expect(driver.said('thought').map(({ content }) => content).join('')).toBe('Let me see.');
    expect(driver.said('plan')[0].entries).toEqual([{ content: 'look', status: 'completed' }, { content: 'write', status: 'in_progress' }]);
    expect(driver.said('run_started')[0]).toMatchObject({ agentSessionId: expect.stringMatching(/^[0-9a-f-]{36}$/), agentInfo: { name: 'codex', version: CODEX.version } });
    expect(driver.said('tool_call').at(-1)).toMatchObject({ title: 'Edit notes.txt', kind: 'edit', status: 'completed' });
    const turn = { tokensIn: 3 * USAGE.input, tokensOut: 3 * USAGE.output, cacheRead: 3 * USAGE.cacheRead, cacheWrite: 3 * USAGE.cacheWrite, reasoning: 3 * USAGE.reasoning, requestCount: 3 };
    expect(driver.said('metric').at(-1)).toEqual({ type: 'metric', ...turn, turn });
    expect(JSON.stringify(standIn.requests.map(({ body }) => body))).toContain('Be careful.');
    expect(unparsed(agent)).toEqual([]);

    await agent.step((it) => it.input({ inputId: 'inp_1', text: told({ then: 'Once more.', usage: USAGE }) }));
    await ended(agent, 2);
    const more = { tokensIn: USAGE.input, tokensOut: USAGE.output, cacheRead: USAGE.cacheRead, cacheWrite: USAGE.cacheWrite, reasoning: USAGE.reasoning, requestCount: 1 };
    expect(driver.said('metric').at(-1)).toMatchObject({ tokensIn: 4 * USAGE.input, requestCount: 4, turn: more });
    agent.child.stdin.end();
    expect(await agent.exited()).toEqual({ code: 0, signal: null });

    expect(standIn.requests.at(-1)!.headers.authorization).toBe(`Bearer ${CODEX_KEY}`);
    expect(filesWith(CODEX_KEY, driver.run.stateDir)).toEqual([]);
  }, 60_000);

  it('is told why a command was denied, and goes on', async () => {
    const agent = start(told({ tools: [exec('touch denied.txt')] }));
    const { approvalId, options, title } = await asked(agent);
    expect(title).toBe('touch denied.txt');
    await agent.step((it) => it.answerApproval({ approvalId, optionId: options.find(({ kind }) => kind === 'reject_once')!.optionId, reason: 'not on a Friday' }));
    expect((await ended(agent)).stopReason).toBe('end_turn');
    expect(existsSync(join(repository, 'denied.txt'))).toBe(false);
    expect(agent.driver.said('tool_call').at(-1)).toMatchObject({ status: 'failed', title: 'touch denied.txt' });
    expect(JSON.stringify(standIn.requests.at(-1)!.body)).toContain('The permission was denied (touch denied.txt). The reason: not on a Friday');
    expect(unparsed(agent)).toEqual([]);
  }, 60_000);

  it('is interrupted in the middle of a command, leaves nothing of it running, and takes the next input', async () => {
    const agent = start(told({ tools: [exec('echo begun; sleep 300')], then: 'never said' }), { manifest: { provider: { ...manifestOf().provider, permissionMode: 'allow' } } });
    const { driver } = agent;
    await eventually(async () => (await sleeping()).length > 0, { ...WAIT, what: 'the command' });
    // It says so when it runs already.
    await eventually(() => driver.status().activity === 'executing', { ...WAIT, what: 'the word of it' });
    expect(driver.status().busy).toBe(true);
    await agent.step((it) => it.interrupt());
    expect((await ended(agent)).stopReason).toBe('cancelled');
    await eventually(async () => (await sleeping()).length === 0, { what: 'the end of the command' });
    await agent.step((it) => it.input({ inputId: 'inp_1', text: told({ then: 'Back again.' }) }));
    expect((await ended(agent, 2)).stopReason).toBe('end_turn');
    expect(agent.output).toContain('Back again.');
    expect(agent.output).not.toContain('never said');
    expect(driver.said('error')).toEqual([]);
    expect(unparsed(agent)).toEqual([]);
  }, 60_000);

  it('withdraws its question when it is interrupted while it asks', async () => {
    const agent = start(told({ tools: [exec('touch asked.txt')], then: 'never said' }));
    await asked(agent);
    await agent.step((it) => it.interrupt());
    expect((await ended(agent)).stopReason).toBe('cancelled');
    expect(agent.driver.said('approval_withdrawn')).toHaveLength(1);
    expect(existsSync(join(repository, 'asked.txt'))).toBe(false);
  }, 60_000);

  it('is steered in the middle of a turn, and hears the rest when the turn is over', async () => {
    const agent = start(told({ tools: [exec('touch one.txt')] }));
    const { approvalId } = await asked(agent);
    await agent.step((it) => it.input({ inputId: 'inp_later', text: told({ then: 'And this.' }) }));
    await agent.step((it) => it.input({ inputId: 'inp_now', text: 'use the blue one', steer: true }));
    await eventually(() => agent.driver.said('input_delivered')[0]?.inputId === 'inp_now', { ...WAIT, what: 'the steering' });
    await agent.step((it) => it.answerApproval({ approvalId, optionId: 'accept' }));
    await ended(agent, 2);
    expect(agent.driver.said('turn_started').map(({ inputId }) => inputId)).toEqual([undefined, 'inp_later']);
    expect(agent.driver.said('input_delivered').map(({ inputId }) => inputId)).toEqual(['inp_now', 'inp_later']);
    expect(standIn.requests.some(({ body }) => /use the blue one/.test(JSON.stringify(body)) && !/And this/.test(JSON.stringify(body)))).toBe(true);
    // Without a turn it is an ordinary input.
    await agent.step((it) => it.input({ inputId: 'inp_idle', text: told({ then: 'Idle no more.' }), steer: true }));
    await ended(agent, 3);
    expect(agent.driver.said('turn_started').at(-1)).toEqual({ type: 'turn_started', inputId: 'inp_idle' });
  }, 60_000);

  it('is killed in the middle of a command, and goes on with the conversation in another process, counting only what is new', async () => {
    const allow = { provider: { ...manifestOf().provider, permissionMode: 'allow' as const } };
    const first = start(told({ usage: USAGE, tools: [exec('sleep 300')] }), { manifest: allow });
    await eventually(async () => (await sleeping()).length > 0, { ...WAIT, what: 'the command' });
    first.child.kill('SIGKILL');
    await first.exited();
    const { workingDir, stateDir } = first.driver.run;
    const second = start(told({ then: 'I remember.', usage: USAGE }), { manifest: allow, run: { workingDir, stateDir, continueAgentSessionId: first.driver.said('run_started')[0].agentSessionId } });
    expect((await ended(second)).stopReason).toBe('end_turn');
    expect(JSON.stringify(standIn.requests.at(-1)!.body)).toContain('sleep 300');
    expect(second.driver.said('run_started')[0].agentSessionId).toBe(first.driver.said('run_started')[0].agentSessionId);
    expect(second.driver.said('metric').at(-1)).toMatchObject({ tokensIn: USAGE.input, cacheRead: USAGE.cacheRead, requestCount: 1 });
    expect(second.output).toContain('I remember.');
    expect(unparsed(second)).toEqual([]);
  }, 60_000);

  it('says that it cannot go on with a conversation it does not have', async () => {
    const agent = start('x', { run: { continueAgentSessionId: '01a215f5-8d21-74a0-bd44-d862d26f20dd' } });
    expect(await eventually(() => agent.driver.ended, WAIT)).toMatch(/^config_invalid: Codex cannot go on with the earlier conversation/);
  }, 60_000);

  it('calls a tool of our own MCP server with its token and without asking, and asks for one of another server', async () => {
    const server = { command: process.execPath, args: [MCP_SERVER], env: {} };
    const agent = start(told({ tools: [{ names: ['mcp__orbitmesh__report_progress'], args: { message: 'half' } }, { names: ['mcp__other__report_progress'], args: { message: 'all' } }] }), {
      run: { mcpServers: [{ ...server, name: 'orbitmesh', forward: ['ORBITMESH_TOKEN'], own: true }, { ...server, name: 'other', forward: [] }] },
    });
    const { approvalId, toolCall, options } = await asked(agent);
    expect(toolCall).toMatchObject({ title: 'Allow the other MCP server to run tool "report_progress"?', rawInput: { message: 'all' }, toolCallId: expect.any(String) });
    await agent.step((it) => it.answerApproval({ approvalId, optionId: options.find(({ kind }) => kind === 'allow_once')!.optionId }));
    await ended(agent);
    const calls = agent.driver.said('tool_call').filter(({ status }) => status === 'completed');
    expect(calls.map(({ title, content }) => [title, JSON.stringify(content)])).toEqual([
      ['orbitmesh.report_progress', expect.stringContaining('reported half, with a token')], ['other.report_progress', expect.stringContaining('reported all, without a token')],
    ]);
    expect(unparsed(agent)).toEqual([]);
  }, 60_000);

  it('waits for MCP servers that take their time, and says which did not start', async () => {
    const slow = { name: 'slow', command: '/bin/sh', args: ['-c', `sleep 2; exec '${process.execPath}' '${MCP_SERVER}'`], env: {}, forward: [] };
    const agent = start(told({ tools: [{ names: ['mcp__slow__report_progress'], args: { message: 'late' } }] }), {
      manifest: { provider: { ...manifestOf().provider, permissionMode: 'allow' } },
      run: { mcpServers: [slow, { ...slow, name: 'broken', command: '/nowhere/mcp', args: [] }] },
    });
    const { approvalId } = await asked(agent);
    await agent.step((it) => it.answerApproval({ approvalId, optionId: 'accept' }));
    await ended(agent);
    expect(agent.driver.said('tool_call').at(-1)).toMatchObject({ title: 'slow.report_progress', status: 'completed' });
    // It may say the same twice.
    const servers = new Set(agent.driver.said('metadata').flatMap(({ key, value }) => (key === 'mcp' ? [value] : [])));
    expect([...servers]).toEqual([expect.stringMatching(/^broken did not start: /)]);
    expect(unparsed(agent)).toEqual([]);
  }, 60_000);

  it.each([[401, 'auth_required'], [429, 'rate_limit'], [500, 'overloaded'], [400, 'bad_request']])('ends its turn at once when the model answers %i, as %s', async (status, code) => {
    const before = standIn.requests.length;
    const agent = start(told({ fail: { status } }));
    expect((await ended(agent)).stopReason).toBe('error');
    expect(agent.driver.said('error')).toEqual([{ type: 'error', code, message: expect.any(String) }]);
    expect(standIn.requests.length - before).toBeLessThanOrEqual(4);
    expect(agent.driver.status().busy).toBe(false);
    expect(unparsed(agent)).toEqual([]);
  }, 60_000);

  it('uses a home and a login of the user\'s own, where its entry names one, and writes no settings there', async () => {
    const own = mkdtempSync(join(directory, 'own-'));
    const provider = `[model_providers.mine]\nname = "mine"\nbase_url = "${standIn.url}/v1"\nenv_key = "MINE"\nwire_api = "responses"\n`;
    const settings = `model = "mine"\nmodel_provider = "mine"\n[features]\nplugins = false\napps = false\n${provider}`;
    writeFileSync(join(own, 'config.toml'), settings);
    const bin = mkdtempSync(join(directory, 'bin-'));
    writeFileSync(join(bin, 'orbitmesh'), '#!/bin/sh\necho found\n', { mode: 0o755 });
    const { custom: _custom, env, ...entry } = codexProviderEntry({ script, standInUrl: standIn.url });
    const agent = start(told({ tools: [{ names: ['update_plan'], args: { plan: [{ step: 'look', status: 'pending' }] } }, exec('orbitmesh')] }), {
      entry: { ...entry, env: { ...env, CODEX_HOME: own, MINE: 'mine', TMPDIR: mkdtempSync(join(directory, 'tmp-')) } },
      manifest: { provider: { ...manifestOf().provider, permissionMode: 'allow' }, environment: { PATH: `${bin}:${process.env.PATH}` } },
    });
    expect((await ended(agent)).stopReason).toBe('end_turn');
    expect(agent.driver.said('plan')).toHaveLength(1);
    expect(agent.driver.said('tool_call').at(-1)).toMatchObject({ status: 'completed', content: [{ content: { text: 'found\n' } }] });
    expect(readFileSync(join(own, 'config.toml'), 'utf8')).toContain(settings.slice(0, 40));
    expect(standIn.requests.at(-1)!.headers.authorization).toBe('Bearer mine');
  }, 60_000);

  it('runs our own command without asking, with the network, and knows nothing of the key it is paid with', async () => {
    const bin = mkdtempSync(join(directory, 'bin-'));
    const probe = `fetch('${standIn.url}/probe').then(({ status }) => console.log('reached', status), () => console.log('not reached'))`;
    writeFileSync(join(bin, 'orbitmesh'), `#!/bin/sh\necho "called $1, key: $OPENAI_API_KEY"\nexec '${process.execPath}' -e "${probe}"\n`, { mode: 0o755 });
    const agent = start(told({ tools: [exec('orbitmesh report')] }), { manifest: { environment: { PATH: `${bin}:${process.env.PATH}` } } });
    await ended(agent);
    expect(agent.driver.said('approval_requested')).toEqual([]);
    expect(JSON.stringify(agent.driver.said('tool_call').at(-1)!.content)).toContain('called report, key: \\nreached 404');
  }, 60_000);
});

/** Codex' sessions, logs and databases among them. */
function filesWith(text: string, directory: string): string[] {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return files.filter((file) => readFileSync(file).includes(text));
}
