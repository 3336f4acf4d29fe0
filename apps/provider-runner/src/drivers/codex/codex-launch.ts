import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Manifest } from '@orbitmesh/domain';
import type { Launch, LaunchPlan } from '../driver.js';
import { fields, text } from '../wire/fields.js';
import { projectDirectories } from '../wire/project-files.js';
import { ownDirectory, ownFile } from '../wire/state-files.js';
import { CODEX_HOME, codexOptionsOf } from './codex-options.js';
import { tomlOf } from './codex-toml.js';

/** Variables a user gives his key by; the first that is there is the one that counts. */
export const KEY_VARIABLES = ['OPENAI_API_KEY', 'CODEX_API_KEY'] as const;

/** The `CODEX_HOME` of a conversation, unless the entry or the session names one of its own. */
export const homeIn = (stateDir: string): string => join(stateDir, 'codex');

/**
 * `codex app-server` in a home of the conversation's own. Nothing secret is written there: a key goes to
 * codex over the wire (`account/login/start`), and codex keeps it in memory.
 */
export function launchCodex({ entry, manifest, stateDir, workingDir, environment }: LaunchPlan): Launch {
  const { config, trustProject } = codexOptionsOf(entry);
  const isTrusted = manifest.trustRepository === true || trustProject;
  const command = [...entry.command, 'app-server'];
  // Its log goes to stderr, which people read.
  const plain = { NO_COLOR: '1' };
  if (entry.env?.[CODEX_HOME] ?? manifest.environment[CODEX_HOME]) return { command, environment: plain };
  const home = ownDirectory(homeIn(stateDir));
  ownFile(join(home, 'config.toml'), tomlOf(merged({ ...settingsFor(manifest, config), ...trustIn(workingDir, isTrusted) }, config)));
  ownFile(join(ownDirectory(join(home, 'rules')), 'orbitmesh.rules'), OWN_COMMAND_RULE);
  return { command, environment: { ...plain, [CODEX_HOME]: home, ...temporaryFor(home, stateDir, environment.TMPDIR ?? tmpdir()) } };
}

/** Our own command line asks no permission and reaches OrbitMesh from inside of the sandbox: what it may do, OrbitMesh itself decides. */
const OWN_COMMAND_RULE = 'prefix_rule(pattern = ["orbitmesh"], decision = "allow")\n';

/** What every session needs, in whichever home. A login shell reads the machine's profile, which sets PATH anew: `orbitmesh` would not be found in it. */
export const SESSION_SETTINGS = { allow_login_shell: false, tools: { update_plan: { enabled: true } } };

/** Said of each directory that codex looks for a `.codex` in: where nothing is said, it comes to trust the repository as soon as it may write there. */
export function trustIn(workingDir: string, isTrusted: boolean): Record<string, unknown> {
  return { projects: Object.fromEntries(projectDirectories(workingDir).map((directory) => [directory, { trust_level: isTrusted ? 'trusted' : 'untrusted' }])) };
}

function settingsFor({ secrets }: Manifest, config: Record<string, unknown>): Record<string, unknown> {
  const providerKeys = Object.values(fields(config.model_providers)).flatMap((provider) => text(fields(provider).env_key) ?? []);
  return {
    check_for_update_on_startup: false,
    cli_auth_credentials_store: 'ephemeral',
    ...SESSION_SETTINGS,
    analytics: { enabled: false },
    // Both fetch from the internet at every start.
    features: { plugins: false, apps: false },
    // What the agent pays with is no business of the commands it runs, unless the session itself gives it to them.
    shell_environment_policy: { exclude: [...KEY_VARIABLES, ...providerKeys].filter((name) => !(name in secrets)) },
  };
}

/** Codex puts no helper programs (its sandbox, apply_patch) into a home below the temporary directory; a home there gets one of its own. */
function temporaryFor(home: string, stateDir: string, temporary: string): Record<string, string> {
  if (relative(temporary, home).startsWith('..')) return {};
  return { TMPDIR: ownDirectory(join(stateDir, 'tmp')) };
}

function merged(base: Record<string, unknown>, over: Record<string, unknown>): Record<string, unknown> {
  const both = Object.entries(over).map(([key, value]) => [key, isPlain(value) && isPlain(base[key]) ? merged(fields(base[key]), fields(value)) : value]);
  return { ...base, ...Object.fromEntries(both) as Record<string, unknown> };
}

function isPlain(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
