import type { AcpOptions } from './acp-options.js';
import { CLAUDE_KEEPS } from '../claude/claude-launch.js';

/** Documented for Anthropic's programs: what nobody who watches an agent from here can use, and what would change it under our feet. */
const CLAUDE_QUIET = { DISABLE_AUTOUPDATER: '1', CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1' };

/**
 * The agents that speak ACP, and how each differs from the protocol or from the others; measured with
 * the versions named here against the model stand-in. An entry chooses its preset by `custom.acp.preset`
 * and can say otherwise in `custom.acp`, option by option.
 *
 * What needs no option, because the driver does it for all: a second prompt never goes into a running
 * turn (gemini and copilot would cancel the first, opencode and claude-acp fold it in, qwen and codex-acp
 * queue it); tokens are found in each of the four places where agents put them; tool calls are upserted.
 */
export const ACP_PRESETS: Readonly<Record<string, Partial<AcpOptions>>> = {
  /** gemini-cli 0.61.0. */
  gemini: {
    // While it has MCP servers, that is; it then ends by TERM within a second.
    ignoresEof: true,
    // session/load does not find the conversation and truncates the stored one.
    continue: false,
    versionArgs: ['--version'],
    state: { GEMINI_CLI_HOME: '' },
    env: {
      // Without it a second process does the work, and outlives a TERM to the first.
      GEMINI_CLI_NO_RELAUNCH: 'true',
      // It retries what the model refuses for minutes and says so nowhere but in this log.
      GEMINI_DEBUG_LOG_FILE: '/dev/stderr',
    },
    retryLog: { pattern: '\\[WARN\\] Attempt \\d+ failed with status (?<status>\\d+)(?<message>.*)', max: 3 },
    // Then it reads neither these settings nor an `.env`; nor does it start an MCP server, ours among them.
    untrusted: { when: ['.gemini'], env: { GEMINI_CLI_TRUST_WORKSPACE: 'false' } },
    files: {
      '.gemini/settings.json': {
        // In a folder that nobody trusted by hand it starts no MCP server.
        security: { folderTrust: { enabled: false } },
        // A repository's `.env` is for its own program.
        advanced: { ignoreLocalEnv: true },
        general: { enableAutoUpdate: false, enableAutoUpdateNotification: false, maxAttempts: 3 },
        privacy: { usageStatisticsEnabled: false },
        telemetry: { enabled: false },
      },
    },
    login: { GEMINI_API_KEY: 'gemini-api-key', GOOGLE_API_KEY: 'vertex-ai' },
  },
  /** opencode-ai 1.18.33. Counts the tokens of a turn's last request only. */
  opencode: {
    versionArgs: ['--version'],
    state: { XDG_DATA_HOME: 'data', XDG_STATE_HOME: 'state' },
    // It then reads no AGENTS.md either. Plugins are code that runs in it: of those in these directories none of its variables keeps it.
    untrusted: { when: ['opencode.json', 'opencode.jsonc', '.opencode'], env: { OPENCODE_DISABLE_PROJECT_CONFIG: 'true' }, refused: ['.opencode/plugin', '.opencode/plugins'] },
    env: {
      OPENCODE_DISABLE_AUTOUPDATE: '1',
      // It asks for nothing by default.
      OPENCODE_PERMISSION: '{"bash":"ask","edit":"ask","webfetch":"ask"}',
    },
  },
  /** @github/copilot 1.0.102. Its program unpacks itself into the user's cache, which its sessions may share. */
  copilot: {
    // It takes them, and offers none of their tools.
    mcp: false,
    versionArgs: ['--version'],
    state: { COPILOT_HOME: '' },
    env: { COPILOT_AUTO_UPDATE: 'false' },
    // Over ACP it asks nobody whether a folder is trusted, and runs the hooks in it, whatever its user's settings say.
    untrusted: { when: [], env: {}, refused: ['.github/hooks', '.github/copilot', '.copilot'] },
    errorText: '^Error: ',
  },
  /** @qwen-code/qwen-code 0.24.4. */
  qwen: {
    versionArgs: ['--version'],
    // Its own default has a model decide what needs no permission.
    mode: 'default',
    state: { QWEN_HOME: '' },
    extensions: ['qwen/', 'craft/'],
    // By default every folder is trusted, with the hooks and servers in it.
    untrusted: {
      when: ['.qwen'], env: { QWEN_CODE_DISABLE_WORKFLOWS: '1' },
      files: { 'settings.json': { security: { folderTrust: { enabled: true } } }, 'trustedFolders.json': { '/': 'DO_NOT_TRUST' } },
    },
    files: {
      'settings.json': {
        general: { enableAutoUpdate: false, disableAutoUpdate: true },
        // It waits a minute before it tries a model that is at its limit again, then twice as long, ten times by default.
        model: { generationConfig: { maxRetries: 1 } },
        privacy: { usageStatisticsEnabled: false },
        telemetry: { enabled: false },
      },
    },
    login: { OPENAI_API_KEY: 'openai' },
  },
  /** @agentclientprotocol/claude-agent-acp 0.100.0. */
  'claude-acp': {
    steer: true,
    versionArgs: ['--version'],
    // Its own default is what the repository's settings say.
    mode: 'default',
    // What a server is given stands on the command line of the program below it.
    forwards: 'inherited',
    // Else the repository's settings decide what is allowed, which hooks run and where the key is sent.
    meta: { claudeCode: { options: { settingSources: ['user'] } } },
    keeps: CLAUDE_KEEPS,
    state: { CLAUDE_CONFIG_DIR: '' },
    env: {
      ...CLAUDE_QUIET,
      // Ten by default, with doubling pauses, also for a wrong key.
      CLAUDE_CODE_MAX_RETRIES: '3',
      // Else tools of MCP servers are not offered until the model searches for them.
      ENABLE_TOOL_SEARCH: 'false',
    },
  },
  /** @agentclientprotocol/codex-acp 2.6.0. What a command started may live on after an interrupt; it ends with the session. */
  'codex-acp': {
    steer: true,
    versionArgs: ['--version'],
    // Its own default has a model decide what needs no permission.
    mode: 'read-only',
    state: { CODEX_HOME: '' },
    // It comes to trust a repository as soon as it may write there.
    untrusted: { when: [], env: {}, refused: ['.codex'] },
    files: { 'config.toml': 'check_for_update_on_startup = false\n' },
  },
};
