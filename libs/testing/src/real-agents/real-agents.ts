import { entryOfReadyMade, readyMade, type ProviderEntry } from '@orbitmesh/domain';
import { CLAUDE_CODE, claudeProviderEntry } from '../model-stand-in/claude-code.js';
import { CODEX, codexProviderEntry } from '../model-stand-in/codex-cli.js';
import { GEMINI_CLI, geminiProviderEntry } from '../model-stand-in/gemini-cli.js';
import type { AgentPackage } from '../model-stand-in/install-agent.js';
import type { Scenario } from '../model-stand-in/scenario.js';

type ToolStep = Scenario['tools'][number];

/** A real program, and the words in which a scripted model makes it do things. */
export interface RealAgent {
  /** Of the ready-made provider. */
  name: string;
  package: AgentPackage;
  /** An entry that starts it against `standInUrl` alone. */
  entry(options: { script: string; standInUrl: string }): ProviderEntry;
  /** Changes `before` to `after` in a file, with permission. */
  edit(change: { path: string; before: string; after: string }): ToolStep[];
  /** Runs a command of a shell, with permission. */
  shell(command: string): ToolStep;
  /** The model is not offered the tools of MCP servers, or only when it searches for them: it reports by the command line. */
  reportsByShell?: true;
}

/** Everything that is no model goes through the stand-in too, which refuses and remembers it. */
const proxied = (url: string) => ({ HTTPS_PROXY: url, NO_PROXY: '127.0.0.1,localhost' });

function packageOf(name: string, script: string): AgentPackage {
  const { package: npm, testedVersion } = readyMade(name)!;
  return { package: npm, version: testedVersion, script };
}

function entryOf(name: string, program: string[], standInUrl: string, env: Record<string, string>, acp: object = {}): ProviderEntry {
  const entry = entryOfReadyMade(readyMade(name)!, program, { env: { ...env, ...proxied(standInUrl) } });
  return { ...entry, custom: { acp: { ...entry.custom?.acp as object, ...acp } } };
}

const CLAUDE_TOOLS: Pick<RealAgent, 'edit' | 'shell'> = {
  // It edits only what it has read.
  edit: ({ path, before, after }) => [{ names: ['Read'], args: { file_path: path } }, { names: ['Edit'], args: { file_path: path, old_string: before, new_string: after } }],
  shell: (command) => ({ names: ['Bash'], args: { command, description: 'a command' } }),
};
const CODEX_TOOLS: Pick<RealAgent, 'edit' | 'shell'> = {
  edit: ({ path, before, after }) => [{ names: ['exec_command'], args: { cmd: `sed -i 's/${before}/${after}/' ${path}`, yield_time_ms: 30_000 } }],
  shell: (command) => ({ names: ['exec_command'], args: { cmd: command, yield_time_ms: 30_000 } }),
};

/** In the mode that asks, what changes something runs in a sandbox that forbids it, unless the model asks to leave it. */
const escalated = (cmd: string): ToolStep => ({ names: ['exec_command'], args: { cmd, yield_time_ms: 30_000, sandbox_permissions: 'require_escalated', justification: 'May I?' } });
const CODEX_ACP_TOOLS: Pick<RealAgent, 'edit' | 'shell'> = {
  edit: ({ path, before, after }) => [escalated(`sed -i 's/${before}/${after}/' ${path}`)],
  shell: escalated,
};

/** Those that `npm run test:agents` always runs. */
export const REAL_AGENTS: readonly RealAgent[] = [
  { name: 'claude-code', package: CLAUDE_CODE, entry: claudeProviderEntry, ...CLAUDE_TOOLS },
  { name: 'codex', package: CODEX, entry: codexProviderEntry, ...CODEX_TOOLS },
  {
    name: 'gemini', package: GEMINI_CLI, entry: geminiProviderEntry,
    edit: ({ path, before, after }) => [{ names: ['replace'], args: { file_path: path, old_string: before, new_string: after, instruction: 'correct it' } }],
    shell: (command) => ({ names: ['run_shell_command'], args: { command } }),
  },
];

const OPENCODE_CONFIG = (url: string) => JSON.stringify({
  model: 'standin/stand-in',
  provider: { standin: { npm: '@ai-sdk/openai-compatible', options: { baseURL: `${url}/v1`, apiKey: '{env:STAND_IN_KEY}' }, models: { 'stand-in': { name: 'stand-in', tool_call: true } } } },
});
const CODEX_CONFIG = (url: string) => [
  'check_for_update_on_startup = false', 'model = "stand-in"', 'model_provider = "standin"', '[analytics]', 'enabled = false', '[features]', 'plugins = false', 'apps = false',
  '[model_providers.standin]', 'name = "stand-in"', `base_url = "${url}/v1"`, 'env_key = "STAND_IN_KEY"', 'wire_api = "responses"', 'request_max_retries = 1', 'stream_max_retries = 1', '',
].join('\n');

/** Those that run with `npm run test:agents -- --all`: 1.5 GB. */
export const MORE_REAL_AGENTS: readonly RealAgent[] = [
  {
    // Its program is a binary of its platform's package; the script beside it is put there by npm's install scripts only.
    name: 'opencode', package: packageOf('opencode', `../opencode-${process.platform}-${process.arch}/bin/opencode`),
    entry: ({ script, standInUrl }) => entryOf('opencode', [script], standInUrl, { OPENCODE_CONFIG_CONTENT: OPENCODE_CONFIG(standInUrl), OPENCODE_DISABLE_MODELS_FETCH: '1', OPENCODE_DISABLE_LSP_DOWNLOAD: '1', OPENCODE_DISABLE_DEFAULT_PLUGINS: '1', STAND_IN_KEY: 'stand-in' }),
    edit: ({ path, before, after }) => [{ names: ['read'], args: { filePath: path } }, { names: ['edit'], args: { filePath: path, oldString: before, newString: after } }],
    shell: (command) => ({ names: ['bash'], args: { command, description: 'a command' } }),
  },
  {
    name: 'copilot', reportsByShell: true, package: packageOf('copilot', 'npm-loader.js'),
    entry: ({ script, standInUrl }) => entryOf('copilot', [process.execPath, script], standInUrl, { COPILOT_PROVIDER_BASE_URL: `${standInUrl}/v1`, COPILOT_PROVIDER_TYPE: 'openai', COPILOT_PROVIDER_API_KEY: 'stand-in', COPILOT_MODEL: 'stand-in', COPILOT_OFFLINE: 'true' }),
    edit: ({ path, before, after }) => [{ names: ['edit'], args: { path, old_str: before, new_str: after } }],
    shell: (command) => ({ names: ['bash'], args: { command, description: 'a command' } }),
  },
  {
    name: 'qwen', reportsByShell: true, package: packageOf('qwen', 'cli-entry.js'),
    entry: ({ script, standInUrl }) => entryOf('qwen', [process.execPath, script], standInUrl, { OPENAI_API_KEY: 'stand-in', OPENAI_BASE_URL: `${standInUrl}/v1`, OPENAI_MODEL: 'stand-in' }),
    edit: ({ path, before, after }) => [{ names: ['read_file'], args: { file_path: path } }, { names: ['edit'], args: { file_path: path, old_string: before, new_string: after } }],
    shell: (command) => ({ names: ['run_shell_command'], args: { command, is_background: false } }),
  },
  {
    name: 'claude-acp', package: packageOf('claude-acp', 'dist/index.js'),
    entry: ({ script, standInUrl }) => entryOf('claude-acp', [process.execPath, script], standInUrl, { ANTHROPIC_BASE_URL: standInUrl, ANTHROPIC_API_KEY: 'stand-in' }),
    ...CLAUDE_TOOLS,
  },
  {
    name: 'codex-acp', package: packageOf('codex-acp', 'dist/index.js'),
    entry: ({ script, standInUrl }) => entryOf('codex-acp', [process.execPath, script], standInUrl, { STAND_IN_KEY: 'stand-in' }, { files: { 'config.toml': CODEX_CONFIG(standInUrl) } }),
    ...CODEX_ACP_TOOLS,
  },
];
