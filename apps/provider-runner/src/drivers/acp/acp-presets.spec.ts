import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest, ProviderEntry } from '@orbitmesh/domain';
import { acpDriver } from './acp.driver.js';
import { ACP_PRESETS } from './acp-presets.js';
import type { LaunchPlan, McpServerLaunch } from '../driver.js';
import { JournaledDriver, manifestOf, runContextOf } from '../testing/journaled-driver.js';

const INITIALIZED = { id: 'om:initialize', result: { protocolVersion: 1, agentCapabilities: {}, _meta: { steering: { supported: true } } } };
const OPENED = { id: 'om:session', result: { sessionId: 'conv-1', modes: { availableModes: [{ id: 'default' }, { id: 'read-only' }] } } };
const ENDED = { id: 'om:prompt:first', result: { stopReason: 'end_turn' } };
const update = (fields: object) => ({ method: 'session/update', params: { sessionId: 'conv-1', update: fields } });
const says = (text: string) => update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });
const entryOf = (acp: object, more: Partial<ProviderEntry> = {}): ProviderEntry => ({ driver: 'acp', command: ['/bin/agent'], custom: { acp }, ...more });

async function working(acp: object): Promise<JournaledDriver> {
  const bench = new JournaledDriver(acpDriver, runContextOf({ entry: entryOf(acp) }));
  await bench.step((driver) => driver.start());
  await bench.agent(INITIALIZED, OPENED);
  if (bench.sent('mode').length) await bench.agent({ id: 'om:mode', result: {} });
  return bench;
}

describe('the presets of the acp driver', () => {
  it.each(Object.keys(ACP_PRESETS))('%s is an entry that the driver takes', (preset) => {
    expect(() => acpDriver.check!(entryOf({ preset }), manifestOf())).not.toThrow();
  });

  it('say what each agent can, and give way to what the entry says', () => {
    const can = (acp: object) => acpDriver.capabilities(entryOf(acp));
    expect(can({ preset: 'gemini' })).toMatchObject({ steer: false, continue: false });
    expect(can({ preset: 'gemini', continue: true })).toMatchObject({ continue: true });
    expect(can({ preset: 'codex-acp' })).toMatchObject({ steer: true, continue: true });
    expect(can({})).toMatchObject({ steer: false, mcp: true, continue: true });
  });

  it.each([
    [{ preset: 'nobody' }, 'preset'], [{ unknown: 1 }, 'unknown'], [{ errorText: '(' }, 'errorText'], [{ state: { A: '../out' } }, 'state'], [{ files: { '/etc/x': {} } }, 'files'],
    [{ files: { '': {} } }, 'files'], [{ retryLog: { pattern: 'x', max: 0 } }, 'retryLog'], [{ mode: 1 }, 'mode'], [{ env: { A: 1 } }, 'env'], [{ login: [] }, 'login'], [{ extensions: 'x' }, 'extensions'], [{ mcp: 'no' }, 'mcp'], [{ forwards: 'argv' }, 'forwards'], [{ meta: [] }, 'meta'], [{ keeps: 'x' }, 'keeps'],
  ])('refuse %j, naming it', (acp, named) => {
    expect(() => acpDriver.check!(entryOf(acp), manifestOf())).toThrow(`custom.acp.${named}`);
  });
});

describe('the opening of a conversation', () => {
  const server = { command: '/bin/mcp', args: [], forward: ['ORBITMESH_TOKEN'] };
  const mcpServers: McpServerLaunch[] = [{ ...server, name: 'orbitmesh', env: {}, own: true }, { ...server, name: 'files', env: { LEVEL: '1' }, forward: ['KEY'] }];
  const opened = async (acp: object, more: object = {}) => {
    const bench = new JournaledDriver(acpDriver, runContextOf({ entry: entryOf(acp), mcpServers, environment: { ORBITMESH_TOKEN: 'oma_secret', KEY: 'key-secret' }, ...more }));
    await bench.step((driver) => driver.start());
    await bench.agent({ ...INITIALIZED, result: { ...INITIALIZED.result, agentCapabilities: { loadSession: true } } });
    return bench.sent('session')[0].params;
  };

  it.each([{}, { continueAgentSessionId: 'conv-1' }])('with claude-acp takes no settings from the repository, and carries no secret, which it would put on a command line: %j', async (more) => {
    const params = await opened({ preset: 'claude-acp' }, more);
    expect(params).toMatchObject({ _meta: { claudeCode: { options: { settingSources: ['user'] } } }, mcpServers: [{ name: 'orbitmesh', env: [] }, { name: 'files', env: [{ name: 'ORBITMESH_TOKEN', value: '' }, { name: 'LEVEL', value: '1' }] }] });
    expect(JSON.stringify(params)).not.toContain('secret');
  });

  it('with others carries what their servers would not inherit, and no _meta', async () => {
    const params = await opened({});
    expect(params.mcpServers).toMatchObject([{ env: [{ name: 'ORBITMESH_TOKEN', value: 'oma_secret' }] }, { env: [{ name: 'KEY', value: 'key-secret' }, { name: 'LEVEL', value: '1' }] }]);
    expect(params).not.toHaveProperty('_meta');
    expect(await opened({ preset: 'claude-acp', trustProject: true })).not.toHaveProperty('_meta');
  });
});

describe('where an agent keeps its own files', () => {
  const directory = mkdtempSync(join(tmpdir(), 'om-launch-'));
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const plan = (entry: ProviderEntry, environment: Record<string, string> = {}): LaunchPlan => ({ ...runContextOf({ entry, stateDir: directory }), environment });

  it('is the state directory, with the settings that the agent needs, for their owner alone', () => {
    const { command, environment } = acpDriver.launch!(plan(entryOf({ preset: 'gemini' }), { GEMINI_API_KEY: 'secret' }));
    expect(command).toEqual(['/bin/agent']);
    expect(environment).toMatchObject({ GEMINI_CLI_HOME: directory, GEMINI_CLI_NO_RELAUNCH: 'true' });
    const settings = join(directory, '.gemini', 'settings.json');
    expect(JSON.parse(readFileSync(settings, 'utf8'))).toMatchObject({ security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } }, general: { maxAttempts: 3 } });
    expect(readFileSync(settings, 'utf8')).not.toContain('secret');
    expect(statSync(settings).mode & 0o777).toBe(0o600);

    writeFileSync(settings, '{"changed":true}');
    acpDriver.launch!(plan(entryOf({ preset: 'gemini' })));
    expect(readFileSync(settings, 'utf8')).not.toContain('changed');
  });

  it('is not left through a link that an agent put there', () => {
    const [elsewhere, stateDir] = [join(directory, 'elsewhere'), join(directory, 'state')];
    for (const made of [elsewhere, stateDir]) mkdirSync(made, { recursive: true });
    symlinkSync(elsewhere, join(stateDir, '.gemini'));
    acpDriver.launch!({ ...plan(entryOf({ preset: 'gemini' })), stateDir });
    expect(readdirSync(elsewhere)).toEqual([]);
    expect(readFileSync(join(stateDir, '.gemini', 'settings.json'), 'utf8')).toContain('"ignoreLocalEnv": true');
  });

  it('is with claude-acp what was said, and nothing that an earlier run left to be obeyed', () => {
    mkdirSync(join(directory, 'projects'), { recursive: true });
    mkdirSync(join(directory, 'skills'), { recursive: true });
    writeFileSync(join(directory, 'settings.json'), '{"hooks":{}}');
    acpDriver.launch!(plan(entryOf({ preset: 'claude-acp' }, { env: { CLAUDE_CONFIG_DIR: '/home/me/.claude' } })));
    expect(readdirSync(directory)).toContain('settings.json');
    acpDriver.launch!(plan(entryOf({ preset: 'claude-acp' })));
    expect(readdirSync(directory)).toEqual(['projects']);
  });

  it.each([
    ['its variable', { env: { GEMINI_CLI_HOME: '/home/me' } }], ['HOME', { env: { HOME: '/home/me' } }], ['a secret of that name', { secrets: { GEMINI_CLI_HOME: 'env:X' } }],
  ])('stays the user\'s own where the entry sets %s', (_what, more) => {
    const { environment } = acpDriver.launch!(plan(entryOf({ preset: 'gemini' }, more)));
    expect(environment).not.toHaveProperty('GEMINI_CLI_HOME');
    expect(() => statSync(join(directory, '.gemini'))).toThrow('ENOENT');
  });
});

describe('what a project brings for the agent', () => {
  const directory = mkdtempSync(join(tmpdir(), 'om-project-'));
  afterAll(() => rmSync(directory, { recursive: true, force: true }));
  const workingDir = join(directory, 'repo', 'sub');
  mkdirSync(workingDir, { recursive: true });
  mkdirSync(join(directory, 'repo', '.git'));
  mkdirSync(join(directory, '.gemini'));
  const environmentWith = (acp: object, manifest: Partial<Manifest> = {}, more: object = {}) =>
    acpDriver.launch!({ ...runContextOf({ entry: entryOf(acp, more), workingDir, stateDir: join(directory, 'state'), manifest: manifestOf(manifest) }), environment: {} }).environment;

  it('is not trusted unless the entry says so, anywhere in its repository', () => {
    const untrusted = { GEMINI_CLI_TRUST_WORKSPACE: 'false' };
    expect(environmentWith({ preset: 'gemini' })).not.toMatchObject(untrusted);
    symlinkSync('/nowhere', join(directory, 'repo', '.gemini'));
    expect(environmentWith({ preset: 'gemini' })).toMatchObject(untrusted);
    expect(environmentWith({ preset: 'gemini', trustProject: true })).not.toMatchObject(untrusted);
    expect(environmentWith({ preset: 'gemini' }, { trustRepository: true })).not.toMatchObject(untrusted);
  });

  it('keeps agents away whom nothing keeps from it', () => {
    const brought = ['.github/hooks', '.opencode/plugin', '.qwen', '.codex'].map((name) => join(directory, 'repo', name));
    for (const path of brought) mkdirSync(path, { recursive: true });
    // Nothing in it, nothing to run.
    for (const preset of ['copilot', 'codex-acp']) environmentWith({ preset });
    for (const path of brought) writeFileSync(join(path, 'config'), '');
    const refused = expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('--trust-repository yes') });
    for (const preset of ['copilot', 'opencode', 'codex-acp']) {
      expect(() => environmentWith({ preset })).toThrow(refused);
      environmentWith({ preset }, { trustRepository: true });
    }
    // Where its settings are its user's own, what keeps qwen away cannot be written into them.
    environmentWith({ preset: 'qwen' });
    expect(JSON.parse(readFileSync(join(directory, 'state', 'settings.json'), 'utf8'))).toMatchObject({ security: { folderTrust: { enabled: true } }, telemetry: { enabled: false } });
    expect(() => environmentWith({ preset: 'qwen' }, {}, { env: { QWEN_HOME: '/home/me/.qwen' } })).toThrow(refused);
  });

  it('is said to be left alone, with the MCP servers that do not start then', async () => {
    const bench = new JournaledDriver(acpDriver, runContextOf({ entry: entryOf({ preset: 'gemini' }), environment: { GEMINI_CLI_TRUST_WORKSPACE: 'false' } }));
    await bench.step((driver) => driver.start());
    await bench.agent(INITIALIZED, OPENED);
    expect(bench.said('metadata')).toEqual([{ type: 'metadata', key: 'warning', value: expect.stringContaining('trustRepository') }]);
  });
});

describe('the mode in which an agent asks', () => {
  it('is chosen before the first prompt', async () => {
    const bench = new JournaledDriver(acpDriver, runContextOf({ entry: entryOf({ preset: 'qwen' }) }));
    await bench.step((driver) => driver.start());
    await bench.agent(INITIALIZED, OPENED);
    expect(bench.sent('mode')[0]).toMatchObject({ method: 'session/set_mode', params: { sessionId: 'conv-1', modeId: 'default' } });
    expect(bench.said('run_started')).toEqual([]);
    await bench.crash();
    await bench.agent({ id: 'om:mode', result: {} });
    expect(bench.sent('prompt:first')).toHaveLength(1);
  });

  it('fails the start where it is not offered, or refused: the agent would work without asking', async () => {
    const bench = new JournaledDriver(acpDriver, runContextOf({ entry: entryOf({ preset: 'qwen' }) }));
    await bench.step((driver) => driver.start());
    await bench.agent(INITIALIZED, { id: 'om:session', result: { sessionId: 'conv-1' } });
    expect(bench.ended).toMatch(/^config_invalid: .*does not offer the mode default/);
    const refused = await working({ mode: 'read-only' });
    expect(refused.said('run_started')).toHaveLength(1);
  });
});

describe('an agent that says its errors as text', () => {
  it('ended its turn with an error of that kind', async () => {
    const bench = await working({ preset: 'copilot' });
    await bench.agent(says('Error: Authentication failed with provider (HTTP 401).'), ENDED);
    expect(bench.said('error')).toEqual([{ type: 'error', code: 'auth_required', message: 'Error: Authentication failed with provider (HTTP 401).' }]);
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'error', message: 'Error: Authentication failed with provider (HTTP 401).' }]);
  });

  it('ended it in order where something followed, or where nothing says that text is an error', async () => {
    const followed = await working({ preset: 'copilot' });
    await followed.agent(says('Error: that file is not there.'), says('I made it.'), ENDED);
    const asText = await working({});
    await asText.agent(says('Error: 429'), ENDED);
    const atWork = await working({ preset: 'copilot' });
    await atWork.agent(says('Error: I try a tool.'), update({ sessionUpdate: 'tool_call', toolCallId: 'a', title: 'x' }), ENDED);
    for (const bench of [followed, asText, atWork]) expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'end_turn' }]);
  });

  it('is believed when it says of its thread that it is in trouble', async () => {
    const bench = await working({ preset: 'codex-acp' });
    await bench.agent(update({ sessionUpdate: 'session_info_update', _meta: { codex: { threadStatus: { type: 'systemError' } } } }), says('exceeded retry limit, last status: 429 Too Many Requests\n\n'), ENDED);
    expect(bench.said('error').map(({ code }) => code)).toEqual(['rate_limit']);
    expect(bench.said('turn_ended')[0].stopReason).toBe('error');
  });
});

describe('an agent that retries silently', () => {
  const refused = (attempt: number, status = 429) => `[2026-11-26T03:50:41.901Z] [WARN] Attempt ${attempt} failed with status ${status}. Retrying with backoff... _ApiError: {"error":{"code":${status},"message":"Resource has been exhausted.","status":"X"}}\n    at somewhere\n`;
  const logs = (bench: JournaledDriver, text: string) => bench.step((driver) => driver.stderr!({ text, start: 0, end: text.length }));

  it('is interrupted after some refusals, and its turn ends with the model\'s own reason', async () => {
    const bench = await working({ preset: 'gemini' });
    await logs(bench, refused(1));
    await logs(bench, refused(2));
    expect(bench.sent('cancel:1')).toEqual([]);
    await bench.crash();
    await logs(bench, refused(3) + refused(4));
    expect(bench.sent('cancel:1')).toHaveLength(1);
    await bench.agent({ id: 'om:prompt:first', result: { stopReason: 'cancelled' } });
    const message = 'The model refused 3 times with status 429: Resource has been exhausted.';
    expect(bench.said('error')).toEqual([{ type: 'error', code: 'rate_limit', message }]);
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'error', message }]);
    expect(bench.said('metadata').map(({ key }) => key)).toEqual(['retry', 'retry', 'retry']);
    expect(bench.said('output')).toEqual([]);
  });

  it('shows its log of the start only when it never gets ready, over a restart of its runner', async () => {
    const bench = new JournaledDriver(acpDriver, runContextOf({ entry: { driver: 'acp', command: ['/bin/agent'], custom: { acp: { preset: 'gemini' } } } }));
    await bench.step((driver) => driver.start());
    await logs(bench, `${'x'.repeat(3_000)}\nno such model\n`);
    await bench.crash();
    expect(bench.said('output')).toEqual([]);
    await bench.step((driver) => driver.exited({ exitCode: 1, signal: null }));
    expect(bench.said('output')).toMatchObject([{ stream: 'stderr', content: expect.stringMatching(/^x+\nno such model\n$/) }]);
    expect(bench.said('output')[0].content).toHaveLength(2_000);
  });

  it('starts to count anew with every turn, and what it says without such a log is output', async () => {
    const bench = await working({ preset: 'gemini' });
    await logs(bench, refused(1) + refused(2));
    await bench.agent(ENDED);
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'again' }));
    await logs(bench, refused(1) + refused(2));
    expect(bench.said('error')).toEqual([]);
    const plain = await working({});
    await logs(plain, refused(1));
    expect(plain.said('output')).toMatchObject([{ stream: 'stderr' }]);
  });
});

describe('steering', () => {
  it('puts an input into the running turn, and says when the agent has taken it', async () => {
    const bench = await working({ preset: 'claude-acp' });
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'rather so', steer: true }));
    expect(bench.sent('steer:inp_1')[0]).toMatchObject({ method: '_session/steering', params: { sessionId: 'conv-1', prompt: [{ type: 'text', text: 'rather so' }], _meta: { steering: { idleBehavior: 'promptRequired' } } } });
    expect(bench.said('input_delivered')).toEqual([]);
    await bench.crash();
    await bench.agent({ id: 'om:steer:inp_1', result: { outcome: 'injected' } }, ENDED);
    expect(bench.said('input_delivered')).toEqual([{ type: 'input_delivered', inputId: 'inp_1' }]);
    expect(bench.said('turn_started')).toHaveLength(1);
  });

  it.each([['the turn is over', { result: { outcome: 'promptRequired' } }], ['the agent refuses it', { error: { code: -32602, message: 'no' } }]])('becomes a prompt of its own when %s', async (_when, answer) => {
    const bench = await working({ preset: 'claude-acp' });
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'rather so', steer: true }));
    await bench.agent(ENDED, { id: 'om:steer:inp_1', ...answer });
    expect(bench.sent('prompt:inp_1')).toHaveLength(1);
    expect(bench.said('input_delivered')).toEqual([{ type: 'input_delivered', inputId: 'inp_1' }]);
  });

  it('is an ordinary input while no turn runs, and where the agent does not offer it', async () => {
    const idle = await working({ preset: 'claude-acp' });
    await idle.agent(ENDED);
    await idle.step((driver) => driver.input({ inputId: 'inp_1', text: 'so', steer: true }));
    expect(idle.sent('prompt:inp_1')).toHaveLength(1);
    const unable = new JournaledDriver(acpDriver);
    await unable.step((driver) => driver.start());
    await unable.agent({ id: 'om:initialize', result: { protocolVersion: 1 } }, OPENED);
    await unable.step((driver) => driver.input({ inputId: 'inp_1', text: 'so', steer: true }));
    expect(unable.status().queuedInputs).toBe(1);
  });

  it('fails when the agent is gone before it took it', async () => {
    const bench = await working({ preset: 'claude-acp' });
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'so', steer: true }));
    await bench.step((driver) => driver.exited({ exitCode: null, signal: 'SIGKILL' }));
    expect(bench.said('input_failed').map(({ inputId }) => inputId)).toEqual(['inp_1']);
  });
});

describe('why a permission was denied', () => {
  it('is told to the agent with the next prompt, once', async () => {
    const bench = await working({});
    await bench.agent({ id: 7, method: 'session/request_permission', params: { sessionId: 'conv-1', toolCall: { toolCallId: 'a', title: 'rm -rf /' }, options: [{ optionId: 'no', name: 'No', kind: 'reject_once' }] } });
    const [{ approvalId }] = bench.said('approval_requested');
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'no', reason: 'Not on this machine.' }));
    await bench.agent(ENDED);
    await bench.crash();
    for (const inputId of ['inp_1', 'inp_2']) {
      await bench.step((driver) => driver.input({ inputId, text: 'go on' }));
      await bench.agent({ id: `om:prompt:${inputId}`, result: { stopReason: 'end_turn' } });
    }
    const prompts = ['inp_1', 'inp_2'].map((inputId) => (bench.sent(`prompt:${inputId}`)[0].params.prompt as { text: string }[])[0].text);
    expect(prompts).toEqual(['# Permissions\n\n- "rm -rf /" was not permitted: Not on this machine.\n\n# Message\n\ngo on', 'go on']);
  });
});

describe('what an agent adds to the protocol', () => {
  it('is passed over, and all else that is not understood is kept as unparsed', async () => {
    const bench = await working({ preset: 'qwen' });
    await bench.agent({ method: '_auth/status_update', params: {} }, { method: 'qwen/notify', params: {} }, { method: 'other/notify', params: {} });
    expect(bench.said('metadata')).toEqual([{ type: 'metadata', key: 'unparsed', value: expect.stringContaining('other/notify') }]);
  });
});
