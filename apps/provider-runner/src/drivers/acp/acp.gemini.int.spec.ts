import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { eventually, GEMINI_CLI, geminiProviderEntry, installAgent, LONG, ModelStandIn, scenarioTag } from '@orbitmesh/testing';
import { acpDriver } from './acp.driver.js';
import { manifestOf, runContextOf } from '../testing/journaled-driver.js';
import { PipedAgent } from '../testing/piped-agent.js';

const CHECKOUT = fileURLToPath(new URL('../../../../../', import.meta.url));
const WAIT = { timeoutMs: 60_000 };

describe('gemini-cli, the real program', () => {
  let script: string;
  let standIn: ModelStandIn;
  let directory: string;
  let repository: string;
  let agent: PipedAgent | undefined;

  beforeAll(async () => {
    script = await installAgent(CHECKOUT, GEMINI_CLI);
    standIn = await ModelStandIn.start();
    directory = mkdtempSync(join(tmpdir(), 'om-gemini-'));
    repository = join(directory, 'repo');
    execFileSync('git', ['init', '-q', repository]);
    writeFileSync(join(repository, 'notes.txt'), 'before\n');
    execFileSync('git', ['-C', repository, 'add', '.']);
    execFileSync('git', ['-C', repository, '-c', 'user.name=t', '-c', 'user.email=t@localhost', 'commit', '-qm', 'first']);
  }, 300_000);

  afterAll(async () => {
    await agent?.end();
    await standIn?.close();
    if (directory) rmSync(directory, { recursive: true, force: true });
  });

  // In a whole stack it does most of this in every run (e2e/src/agents/small-agents.spec.ts).
  (LONG ? it : it.skip)('is found with its version, edits a file after its permission was granted, answers a second prompt and is interrupted', async () => {
    const entry = geminiProviderEntry({ script, standInUrl: standIn.url });
    expect(await acpDriver.detect(entry)).toEqual({ installed: true, version: GEMINI_CLI.version, detail: null });
    const prompt = scenarioTag({
      say: 'I will change the notes.', then: 'The notes are changed.',
      tools: [{ names: ['write_file'], args: { file_path: join(repository, 'notes.txt'), content: 'after\n' } }],
    });
    const run = runContextOf({ workingDir: repository, entry, stateDir: join(directory, 'state'), manifest: manifestOf({ systemPrompt: 'Be careful.', prompt, workingDir: repository }) });
    agent = new PipedAgent(entry, run, { PATH: process.env.PATH });
    const { driver } = agent;

    const { approvalId, options, toolCall } = await eventually(() => driver.said('approval_requested')[0], { ...WAIT, what: 'the permission request' });
    expect(readFileSync(join(repository, 'notes.txt'), 'utf8')).toBe('before\n');
    expect(toolCall).toMatchObject({ kind: 'edit' });
    await agent.step((it) => it.answerApproval({ approvalId, optionId: options.find(({ kind }) => kind === 'allow_once')!.optionId }));
    await eventually(() => driver.said('turn_ended')[0], { ...WAIT, what: 'the end of the turn' });

    expect(driver.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'end_turn' }]);
    expect(execFileSync('git', ['-C', repository, 'diff', '--', 'notes.txt'], { encoding: 'utf8' })).toMatch(/^-before\n\+after$/m);
    expect(agent.output).toContain('I will change the notes.');
    expect(agent.output).toContain('The notes are changed.');
    expect(driver.said('run_started')[0].agentInfo).toEqual({ name: 'gemini-cli', version: GEMINI_CLI.version });
    expect(driver.said('tool_call').at(-1)).toMatchObject({ kind: 'edit', status: 'completed' });
    expect(driver.said('metric').at(-1)!.tokensIn).toBeGreaterThan(0);
    expect(driver.said('metric').at(-1)!.tokensOut).toBeGreaterThan(0);
    expect(JSON.stringify(standIn.requests.map(({ body }) => body))).toContain('Be careful.');

    await agent.step((it) => it.input({ inputId: 'inp_1', text: scenarioTag({ say: 'Once more.', tools: [{ names: ['run_shell_command'], args: { command: 'echo never > never.txt' } }], then: 'never said' }) }));
    await eventually(() => driver.said('approval_requested')[1], { ...WAIT, what: 'the second permission request' });
    await agent.step((it) => it.interrupt());
    await eventually(() => driver.said('turn_ended')[1], { ...WAIT, what: 'the end of the interrupted turn' });
    expect(driver.said('turn_ended')[1].stopReason).toBe('cancelled');
    expect(driver.said('approval_withdrawn')).toHaveLength(1);
    expect(agent.output).not.toContain('never said');
    expect(driver.said('metadata').filter(({ key }) => key === 'unparsed')).toEqual([]);
    expect(driver.said('error')).toEqual([]);
    expect(standIn.phonedHome).toEqual([]);
  }, 180_000);
});
