import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LaunchPlan } from '../driver.js';
import { manifestOf, runContextOf } from '../testing/journaled-driver.js';
import { claudeDriver } from './claude.driver.js';
import { conversationIdOf } from './claude-lines.js';
import { launchClaude } from './claude-launch.js';

const CONVERSATION = '11111111-2222-4333-8444-555555555555';

describe('the launch of Claude Code', () => {
  let stateDir: string;
  beforeEach(() => { stateDir = mkdtempSync(join(tmpdir(), 'om-claude-launch-')); });
  afterEach(() => rmSync(stateDir, { recursive: true, force: true }));

  const plan = (change: Partial<LaunchPlan> = {}): LaunchPlan => ({
    ...runContextOf({ stateDir, entry: { driver: 'claude-code', command: ['/bin/node', '/opt/cli.js'] }, manifest: manifestOf({ systemPrompt: 'The system prompt.', prompt: 'The prompt.' }) }),
    environment: { ANTHROPIC_API_KEY: 'sk-very-secret' }, ...change,
  });
  const after = (command: string[], flag: string) => command[command.indexOf(flag) + 1];

  it('names the conversation before its process is there, or the one to go on with', () => {
    const fresh = launchClaude(plan()).command;
    expect(fresh.slice(0, 3)).toEqual(['/bin/node', '/opt/cli.js', '-p']);
    expect(after(fresh, '--session-id')).toBe(conversationIdOf({ runId: 'run_1' }));
    expect(conversationIdOf({ runId: 'run_2' })).not.toBe(conversationIdOf({ runId: 'run_1' }));
    const continued = launchClaude(plan({ continueAgentSessionId: CONVERSATION })).command;
    expect(after(continued, '--resume')).toBe(CONVERSATION);
    expect(continued).not.toContain('--session-id');
  });

  it.each(['conv-1', '', '--dangerously-skip-permissions', `${CONVERSATION}\n`, `${CONVERSATION} x`])('goes on with no conversation that is called %j', (continueAgentSessionId) => {
    expect(() => launchClaude(plan({ continueAgentSessionId }))).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it("reads the repository's settings only where the entry or the project trusts it", () => {
    const entryOf = (claude?: object) => ({ driver: 'claude-code', command: ['/bin/claude'], custom: { claude } });
    const sources = (claude?: object) => after(launchClaude(plan({ entry: entryOf(claude) })).command, '--setting-sources');
    expect([sources(), sources({ trustProject: false }), sources({ trustProject: true })]).toEqual(['user', 'user', 'user,project,local']);
    expect(after(launchClaude(plan({ manifest: manifestOf({ trustRepository: true }) })).command, '--setting-sources')).toBe('user,project,local');
    for (const [wrong, named] of [[{ trustProject: 'yes' }, 'trustProject'], [{ trust: true }, 'trust']] as const) {
      expect(() => claudeDriver.check!(entryOf(wrong), manifestOf())).toThrow(`custom.claude.${named}.`);
    }
  });

  it('hands a later run of the conversation what was said, and nothing that an earlier one left to be obeyed', () => {
    const config = join(stateDir, 'claude');
    for (const directory of ['projects/-repo', 'skills/x', 'agents']) mkdirSync(join(config, directory), { recursive: true });
    writeFileSync(join(config, 'projects/-repo/conversation.jsonl'), 'said');
    for (const file of ['settings.json', 'settings.local.json', '.claude.json', 'CLAUDE.md', 'skills/x/SKILL.md']) writeFileSync(join(config, file), '{"hooks":{}}');
    symlinkSync('/etc', join(config, 'todos'));
    mkdirSync(join(stateDir, 'mcp.json', 'x'), { recursive: true });

    launchClaude(plan());

    expect(readdirSync(config)).toEqual(['projects']);
    expect(readFileSync(join(config, 'projects/-repo/conversation.jsonl'), 'utf8')).toBe('said');
    expect(statSync(join(stateDir, 'mcp.json')).isFile()).toBe(true);
  });

  it('keeps its state in no directory that a link leads to', () => {
    const elsewhere = join(stateDir, 'elsewhere');
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, 'settings.json'), 'mine');
    symlinkSync(elsewhere, join(stateDir, 'claude'));
    launchClaude(plan());
    expect(readdirSync(join(stateDir, 'claude'))).toEqual([]);
    expect(readFileSync(join(elsewhere, 'settings.json'), 'utf8')).toBe('mine');
  });

  it('puts no prompt and no secret where everybody can read it', () => {
    const { command, environment } = launchClaude(plan());
    for (const word of ['The system prompt.', 'The prompt.', 'sk-very-secret']) expect(JSON.stringify([command, environment])).not.toContain(word);
  });

  it('asks every permission on stdio, also as the model the session wants', () => {
    const { command } = launchClaude(plan({ manifest: manifestOf({ provider: { ...manifestOf().provider, model: 'opus', permissionMode: 'allow' } }) }));
    expect([after(command, '--permission-prompt-tool'), after(command, '--permission-mode'), after(command, '--model')]).toEqual(['stdio', 'default', 'opus']);
    expect(launchClaude(plan()).command).not.toContain('--model');
  });

  it("lets the agent use OrbitMesh's own command and server without asking, and no other", () => {
    const server = { command: '/bin/mcp', args: [], env: {}, forward: [] };
    const allowed = ({ command }: { command: string[] }) => command.slice(command.indexOf('--allowedTools') + 1, command.indexOf('--session-id'));
    expect(allowed(launchClaude(plan({ mcpServers: [{ ...server, name: 'orbitmesh', own: true }, { ...server, name: 'files' }] })))).toEqual(['Bash(orbitmesh:*)', 'mcp__orbitmesh']);
    expect(allowed(launchClaude(plan({ mcpServers: [{ ...server, name: 'files' }] })))).toEqual(['Bash(orbitmesh:*)']);
  });

  it('starts the servers that the session names and no others, from a file for its owner alone, which is never written through a link', () => {
    const elsewhere = join(stateDir, 'elsewhere');
    writeFileSync(elsewhere, 'mine');
    symlinkSync(elsewhere, join(stateDir, 'mcp.json'));
    const { command } = launchClaude(plan({ mcpServers: [
      { name: 'orbitmesh', command: '/run/bin/orbitmesh', args: ['mcp'], env: {}, forward: ['ORBITMESH_TOKEN'], own: true },
      { name: 'files', command: '/bin/files', args: [], env: { LEVEL: '1' }, forward: ['API_KEY'] },
    ] }));
    const path = after(command, '--mcp-config');
    expect(command).toContain('--strict-mcp-config');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ mcpServers: {
      orbitmesh: { type: 'stdio', command: '/run/bin/orbitmesh', args: ['mcp'], env: {} },
      files: { type: 'stdio', command: '/bin/files', args: [], env: { ORBITMESH_TOKEN: '', LEVEL: '1' } },
    } });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(elsewhere, 'utf8')).toBe('mine');
  });

  it('keeps all that the agent keeps in the state of its conversation', () => {
    const { environment } = launchClaude(plan());
    expect(environment).toMatchObject({ CLAUDE_CONFIG_DIR: join(stateDir, 'claude'), DISABLE_TELEMETRY: '1', DISABLE_AUTOUPDATER: '1' });
    expect(existsSync(join(stateDir, 'claude'))).toBe(true);
    expect(statSync(join(stateDir, 'claude')).mode & 0o777).toBe(0o700);
  });
});
