import { AppError, type ProviderEntry } from '@orbitmesh/domain';
import { fields } from '../wire/fields.js';

export const SANDBOXES = ['read-only', 'workspace-write', 'danger-full-access'] as const;
export type Sandbox = (typeof SANDBOXES)[number];

/** `custom.codex` of an entry in `providers.json`. */
export interface CodexOptions {
  /** Codex's own sandbox. Null: by the session's permission mode. `danger-full-access` where it cannot work (a container without user namespaces). */
  sandbox: Sandbox | null;
  /** Laid over what OrbitMesh writes into `config.toml`: a model provider, say. No key in it: a provider names its variable (`env_key`). */
  config: Record<string, unknown>;
  /** Codex may read a project's own `.codex` (settings, MCP servers, hooks, rules): they can run commands. */
  trustProject: boolean;
}

/** Where codex keeps its settings, its login and its conversations. */
export const CODEX_HOME = 'CODEX_HOME';

/**
 * @throws CONFIG_INVALID when `custom.codex` holds something this driver does not know, a secret, or a
 * `config` beside a CODEX_HOME of the user's own, which we do not write to.
 */
export function codexOptionsOf(entry: ProviderEntry): CodexOptions {
  const given = fields(entry.custom?.codex);
  const wrong = Object.entries(given).filter(([key, value]) => !isRight(key, value)).map(([key]) => `custom.codex.${key}`);
  if (wrong.length) throw new AppError('CONFIG_INVALID', `The provider's entry is wrong at ${wrong.join(', ')}.`, { wrong });
  const config = fields(given.config);
  const secret = bearerTokenIn(config);
  if (secret) throw new AppError('CONFIG_INVALID', `custom.codex.config.${secret} would be a secret in a file; name its variable with env_key, and give it by secrets.`);
  if (Object.keys(config).length && entry.env?.[CODEX_HOME]) {
    throw new AppError('CONFIG_INVALID', 'The entry names a CODEX_HOME of its own: put custom.codex.config into the config.toml there.');
  }
  return { sandbox: (given.sandbox as Sandbox | undefined) ?? null, config, trustProject: given.trustProject === true };
}

function isRight(key: string, value: unknown): boolean {
  switch (key) {
    case 'sandbox': return SANDBOXES.some((name) => name === value);
    case 'config': return typeof value === 'object' && value !== null && !Array.isArray(value);
    case 'trustProject': return typeof value === 'boolean';
    default: return false;
  }
}

/** The path of a token that stands in the settings themselves. */
function bearerTokenIn(config: Record<string, unknown>): string | undefined {
  const provider = Object.entries(fields(config.model_providers)).find(([, value]) => 'experimental_bearer_token' in fields(value));
  return provider && `model_providers.${provider[0]}.experimental_bearer_token`;
}
