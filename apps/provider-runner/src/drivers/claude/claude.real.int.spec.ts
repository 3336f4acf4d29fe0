import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ProviderEntry } from '@orbitmesh/domain';
import { CLAUDE_CODE, claudeProviderEntry, eventually, inFull, installAgent, ModelStandIn, scenarioTag } from '@orbitmesh/testing';
import type { RunContext } from '../driver.js';
import { manifestOf, runContextOf } from '../testing/journaled-driver.js';
import { PipedAgent } from '../testing/piped-agent.js';
import { claudeDriver } from './claude.driver.js';

const CHECKOUT = fileURLToPath(new URL('../../../../../', import.meta.url));
const WAIT = { timeoutMs: 60_000 };
const USAGE = { input: 10, output: 20, cacheRead: 30, cacheWrite: 40 };

describe('claude-code, the real program', () => {
  let entry: ProviderEntry;
  let standIn: ModelStandIn;
  let directory: string;
  let repository: string;
  const agents: PipedAgent[] = [];

  beforeAll(async () => {
    const script = await installAgent(CHECKOUT, CLAUDE_CODE);
    standIn = await ModelStandIn.start();
    entry = claudeProviderEntry({ script, standInUrl: standIn.url });
    directory = mkdtempSync(join(tmpdir(), 'om-claude-'));
    repository = join(directory, 'repo');
    execFileSync('git', ['init', '-q', repository]);
    writeFileSync(join(repository, 'notes.txt'), 'before\n');
    execFileSync('git', ['-C', repository, 'add', '.']);
    execFileSync('git', ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@localhost', 'commit', '-qm', 'first']);
  }, 300_000);

  afterEach(async () => { for (const agent of agents.splice(0)) await agent.end(); });
  afterAll(async () => {
    await standIn?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  function startAgent(name: string, prompt: string, change: Partial<RunContext> = {}): PipedAgent {
    const stateDir = mkdtempSync(join(directory, `${name}-`));
    const run = runContextOf({ runId: `run_${name}`, workingDir: repository, stateDir, entry, manifest: manifestOf({ systemPrompt: 'Be careful.', prompt, workingDir: repository }), ...change });
    const agent = new PipedAgent(entry, run, { PATH: process.env.PATH, HOME: join(directory, 'home') }, claudeDriver);
    agents.push(agent);
    return agent;
  }

  const shell = (command: string) => ({ names: ['Bash'], args: { command, description: 'a command' } });
  const write = (content: string) => ({ names: ['Write'], args: { file_path: join(repository, 'notes.txt'), content } });
  const read = () => ({ names: ['Read'], args: { file_path: join(repository, 'notes.txt') } });

  async function question(agent: PipedAgent, n: number) {
    return eventually(() => agent.driver.said('approval_requested')[n], { ...WAIT, what: `question ${n}` });
  }

  async function turnEnds(agent: PipedAgent, n: number) {
    return eventually(() => agent.driver.said('turn_ended')[n], { ...WAIT, what: `the end of turn ${n}` });
  }

  it('is found with its version, edits after being allowed, hears why it may not, is steered, interrupted in the middle of a tool, and stops', async () => {
    expect(await claudeDriver.detect(entry)).toEqual({ installed: true, version: CLAUDE_CODE.version, detail: null });
    const todos = [{ content: 'look', status: 'completed', activeForm: 'Looking' }, { content: 'write', status: 'in_progress', activeForm: 'Writing' }];
    const agent = startAgent('whole', scenarioTag({ say: 'I will change it.', think: 'How?', tools: [read(), { names: ['TodoWrite'], args: { todos } }, write('after\n')], then: 'It is changed.', usage: USAGE }));
    const { driver } = agent;

    const first = await question(agent, 0);
    expect(first).toMatchObject({ title: 'Write notes.txt', toolCall: { kind: 'edit', content: [{ type: 'diff', newText: 'after\n' }] } });
    expect(first.options.map(({ kind }) => kind)).toEqual(['allow_once', 'allow_always', 'reject_once']);
    expect(readFileSync(join(repository, 'notes.txt'), 'utf8')).toBe('before\n');
    await agent.step((it) => it.answerApproval({ approvalId: first.approvalId, optionId: 'allow' }));
    expect(await turnEnds(agent, 0)).toEqual({ type: 'turn_ended', stopReason: 'end_turn' });
    expect(execFileSync('git', ['-C', repository, 'diff', '--', 'notes.txt'], { encoding: 'utf8' })).toMatch(/^-before\n\+after$/m);
    expect(agent.output).toBe('I will change it.\n\nIt is changed.');
    expect(driver.said('thought').map(({ content }) => content).join('')).toBe('How?');
    expect(driver.said('plan')).toEqual([{ type: 'plan', entries: todos.map(({ content, status }) => ({ content, status })) }]);
    expect(driver.said('activity')).toContainEqual({ type: 'activity', activity: 'waiting_approval', currentTask: 'Writing' });
    expect(driver.said('tool_call').at(-1)).toMatchObject({ status: 'completed', content: [{ type: 'diff', oldText: 'before\n', newText: 'after\n' }] });
    const turn = { tokensIn: 40, tokensOut: 80, cacheRead: 120, cacheWrite: 160, reasoning: 0, requestCount: 4, costUsd: expect.any(Number) };
    expect(driver.said('metric').at(-1)).toEqual({ type: 'metric', ...turn, turn });
    expect(JSON.stringify(standIn.requests.map(({ body }) => body.system))).toContain('Be careful.');

    await agent.step((it) => it.input({ inputId: 'inp_1', text: scenarioTag({ say: 'More.', tools: [shell('rm notes.txt')], then: 'I leave it.', usage: USAGE }) }));
    const second = await question(agent, 1);
    await agent.step((it) => it.answerApproval({ approvalId: second.approvalId, optionId: 'deny', reason: 'the notes are needed' }));
    await turnEnds(agent, 1);
    expect(existsSync(join(repository, 'notes.txt'))).toBe(true);
    expect(JSON.stringify(standIn.requests.at(-1)!.body.messages)).toContain('The permission was denied: the notes are needed');
    expect(driver.said('metric').at(-1)).toMatchObject({ tokensIn: 60, tokensOut: 120, requestCount: 6, turn: { tokensIn: 20, tokensOut: 40, cacheRead: 60, cacheWrite: 80, requestCount: 2 } });

    await agent.step((it) => it.input({ inputId: 'inp_2', text: scenarioTag({ say: 'Again.', tools: [shell('touch steered.txt')], then: 'And so I did.' }) }));
    const third = await question(agent, 2);
    await agent.step((it) => it.input({ inputId: 'inp_3', text: 'Mind the gap.', steer: true }));
    await agent.step((it) => it.answerApproval({ approvalId: third.approvalId, optionId: 'allow' }));
    await turnEnds(agent, 2);
    expect(JSON.stringify(standIn.requests.at(-1)!.body.messages)).toContain('Mind the gap.');
    expect(driver.said('input_delivered').map(({ inputId }) => inputId)).toEqual(['inp_1', 'inp_2', 'inp_3']);
    expect(driver.said('turn_started').map(({ inputId }) => inputId)).toEqual([undefined, 'inp_1', 'inp_2']);

    await agent.step((it) => it.input({ inputId: 'inp_4', text: scenarioTag({ say: 'Long.', tools: [shell('touch begun.txt; sleep 300')], then: 'never said' }) }));
    const fourth = await question(agent, 3);
    await agent.step((it) => it.answerApproval({ approvalId: fourth.approvalId, optionId: 'allow' }));
    await eventually(() => existsSync(join(repository, 'begun.txt')), WAIT);
    await agent.step((it) => it.interrupt());
    expect(await turnEnds(agent, 3)).toEqual({ type: 'turn_ended', stopReason: 'cancelled' });
    expect(driver.status()).toEqual({ activity: 'idle', busy: false, queuedInputs: 0 });

    expect(driver.said('metadata').filter(({ key }) => key === 'unparsed')).toEqual([]);
    expect(driver.said('metadata')).toContainEqual({ type: 'metadata', key: 'agent', value: `claude-code ${CLAUDE_CODE.version}` });
    expect(driver.said('error')).toEqual([]);
    expect(agent.output).not.toContain('never said');
    agent.child.stdin.end();
    // 1: the last turn was broken off.
    expect(await agent.exited()).toEqual({ code: 1, signal: null });
    // It asks this release's own server once, whatever it is told; the stand-in refused it.
    expect(new Set(standIn.phonedHome)).toEqual(new Set(['api.anthropic.com:443']));
    expect(existsSync(join(directory, 'home'))).toBe(false);
  }, 180_000);

  inFull('goes on with its conversation after it was killed in the middle of a tool', async () => {
    const first = startAgent('killed', scenarioTag({ say: 'The word is xylophone.', tools: [shell('echo $$ > tool.pid; exec sleep 300')], then: 'never said', usage: USAGE }));
    const { approvalId } = await question(first, 0);
    await first.step((it) => it.answerApproval({ approvalId, optionId: 'allow' }));
    const tool = await eventually(() => (existsSync(join(repository, 'tool.pid')) ? Number(readFileSync(join(repository, 'tool.pid'), 'utf8')) : 0), WAIT);
    await first.end();
    // Its tools outlive it: the runner's sweep is what ends them.
    process.kill(tool, 'SIGKILL');
    const { agentSessionId } = first.driver.said('run_started')[0];

    const second = startAgent('again', scenarioTag({ say: '', tools: [], then: 'I went on.', usage: USAGE }), { runId: 'run_again', stateDir: first.driver.run.stateDir, continueAgentSessionId: agentSessionId });
    await turnEnds(second, 0);

    expect(second.driver.said('run_started')[0].agentSessionId).toBe(agentSessionId);
    expect(second.output).toBe('I went on.');
    expect(JSON.stringify(standIn.requests.at(-1)!.body.messages)).toContain('The word is xylophone.');
    expect(second.driver.said('metric').at(-1)).toMatchObject({ tokensIn: 10, tokensOut: 20, requestCount: 1 });
    expect(statSync(join(first.driver.run.stateDir, 'mcp.json')).mode & 0o777).toBe(0o600);
  }, 120_000);

  inFull('says what kind of trouble it is in, and is not left to try again where that cannot help', async () => {
    const failing = (status: number, code: string) => [status, code, startAgent(`fails-${status}`, scenarioTag({ say: '', tools: [], then: '', fail: { status } }))] as const;
    for (const [status, code, agent] of [failing(401, 'auth_required'), failing(429, 'rate_limit'), failing(529, 'overloaded'), failing(400, 'bad_request')]) {
      const { stopReason, message } = await turnEnds(agent, 0);
      expect([status, stopReason, agent.driver.said('error').map((error) => error.code)]).toEqual([status, 'error', [code]]);
      expect(message).toContain(String(status));
    }
  }, 120_000);

  it('fails its start clearly when the conversation to go on with is not there', async () => {
    const agent = startAgent('missing', 'hello', { continueAgentSessionId: '11111111-2222-4333-8444-555555555555' });
    await agent.exited();
    expect(agent.driver.ended).toBe('start_failed: Claude Code ended before it was ready. No conversation found with session ID: 11111111-2222-4333-8444-555555555555');
  }, 60_000);
});
