import { AppError, type ProviderEntry } from '@orbitmesh/domain';
import { fields } from '../wire/fields.js';

/** `custom.claude` of an entry in `providers.json`. */
export interface ClaudeOptions {
  /** The repository's `.claude/settings.json` and `settings.local.json` count (hooks, permissions, environment), and so do its CLAUDE.md and skills. */
  trustProject: boolean;
}

/** @throws CONFIG_INVALID when `custom.claude` holds something this driver does not know. */
export function claudeOptionsOf(entry: ProviderEntry): ClaudeOptions {
  const { trustProject = false, ...others } = fields(entry.custom?.claude);
  const wrong = [...Object.keys(others), ...(typeof trustProject === 'boolean' ? [] : ['trustProject'])].map((key) => `custom.claude.${key}`);
  if (wrong.length) throw new AppError('CONFIG_INVALID', `The provider's entry is wrong at ${wrong.join(', ')}.`, { wrong });
  return { trustProject: trustProject === true };
}
