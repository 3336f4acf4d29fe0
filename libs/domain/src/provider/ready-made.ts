import type { ProviderEntry } from './provider.js';

/** An agent that people have on their machines, and how it becomes an entry of `providers.json`. */
export interface ReadyMadeProvider {
  /** Of the entry, unless another is wanted. */
  name: string;
  /** What its makers call it. */
  title: string;
  /** What npm calls it, and the version that is tested with (`npm run test:agents`). */
  package: string;
  testedVersion: string;
  driver: string;
  /** The program on PATH. */
  program: string;
  /** What stands after the program in the entry's command. */
  args: readonly string[];
  custom?: Readonly<Record<string, unknown>>;
  /** Variables by which it gets a key; one of them is enough. */
  keys: readonly string[];
  /** How a person logs in, outside of OrbitMesh. */
  login: string;
  /** The variables that lead to what a person has logged in with, and where that is below HOME. */
  ownPlaces: Readonly<Record<string, string>>;
}

const ANTHROPIC_KEYS = ['ANTHROPIC_API_KEY', 'CLAUDE_CODE_OAUTH_TOKEN', 'ANTHROPIC_AUTH_TOKEN'];
const OPENAI_KEYS = ['OPENAI_API_KEY', 'CODEX_API_KEY'];
const acp = (preset: string): Pick<ReadyMadeProvider, 'driver' | 'custom'> => ({ driver: 'acp', custom: { acp: { preset } } });

/** In the order in which people are shown them. The built-in `demo` needs no entry. */
export const READY_MADE_PROVIDERS: readonly ReadyMadeProvider[] = [
  {
    name: 'claude-code', title: 'Claude Code', package: '@anthropic-ai/claude-code', testedVersion: '2.1.112', driver: 'claude-code', program: 'claude', args: [],
    keys: ANTHROPIC_KEYS, login: 'claude, then /login', ownPlaces: { CLAUDE_CONFIG_DIR: '.claude' },
  },
  {
    name: 'codex', title: 'Codex', package: '@openai/codex', testedVersion: '0.169.0', driver: 'codex', program: 'codex', args: [],
    keys: OPENAI_KEYS, login: 'codex login', ownPlaces: { CODEX_HOME: '.codex' },
  },
  {
    name: 'gemini', title: 'Gemini CLI', package: '@google/gemini-cli', testedVersion: '0.61.0', ...acp('gemini'), program: 'gemini', args: ['--acp'],
    keys: ['GEMINI_API_KEY', 'GOOGLE_API_KEY'], login: 'gemini, then "Login with Google"', ownPlaces: { GEMINI_CLI_HOME: '' },
  },
  {
    name: 'opencode', title: 'opencode', package: 'opencode-ai', testedVersion: '1.18.33', ...acp('opencode'), program: 'opencode', args: ['acp'],
    keys: ['OPENCODE_API_KEY', 'ANTHROPIC_API_KEY', 'OPENAI_API_KEY', 'OPENROUTER_API_KEY', 'GEMINI_API_KEY'], login: 'opencode auth login',
    ownPlaces: { XDG_DATA_HOME: '.local/share', XDG_STATE_HOME: '.local/state' },
  },
  {
    name: 'copilot', title: 'GitHub Copilot CLI', package: '@github/copilot', testedVersion: '1.0.102', ...acp('copilot'), program: 'copilot', args: ['--acp'],
    keys: ['COPILOT_GITHUB_TOKEN', 'GH_TOKEN', 'GITHUB_TOKEN', 'COPILOT_PROVIDER_API_KEY'], login: 'copilot, then /login', ownPlaces: { COPILOT_HOME: '.copilot' },
  },
  {
    name: 'qwen', title: 'Qwen Code', package: '@qwen-code/qwen-code', testedVersion: '0.24.4', ...acp('qwen'), program: 'qwen', args: ['--acp'],
    keys: ['OPENAI_API_KEY', 'DASHSCOPE_API_KEY'], login: 'qwen, then /auth', ownPlaces: { QWEN_HOME: '.qwen' },
  },
  {
    name: 'claude-acp', title: 'Claude Code over ACP', package: '@agentclientprotocol/claude-agent-acp', testedVersion: '0.100.0', ...acp('claude-acp'), program: 'claude-agent-acp', args: [],
    keys: ANTHROPIC_KEYS, login: 'claude, then /login', ownPlaces: { CLAUDE_CONFIG_DIR: '.claude' },
  },
  {
    name: 'codex-acp', title: 'Codex over ACP', package: '@agentclientprotocol/codex-acp', testedVersion: '2.6.0', ...acp('codex-acp'), program: 'codex-acp', args: [],
    keys: OPENAI_KEYS, login: 'codex login', ownPlaces: { CODEX_HOME: '.codex' },
  },
];

export function readyMade(name: string): ReadyMadeProvider | undefined {
  return READY_MADE_PROVIDERS.find((one) => one.name === name);
}

/** The entry for an agent whose program is started by `program` (its path, or `node` and its script). */
export function entryOfReadyMade({ driver, args, custom }: ReadyMadeProvider, program: readonly string[], more: Pick<ProviderEntry, 'env' | 'secrets'> = {}): ProviderEntry {
  const given = (map: Record<string, string> | undefined): boolean => Object.keys(map ?? {}).length > 0;
  return {
    driver, command: [...program, ...args],
    ...(given(more.env) ? { env: more.env } : {}), ...(given(more.secrets) ? { secrets: more.secrets } : {}),
    ...(custom ? { custom: structuredClone(custom) as Record<string, unknown> } : {}),
  };
}
