import { AppError, type ProviderEntry } from '@orbitmesh/domain';
import { fields } from '../wire/fields.js';

/** How one ACP agent differs from the others: `custom.acp` of its entry in `providers.json`. */
export interface AcpOptions {
  /** What a result's `usage` counts: this turn (most agents), or the whole conversation. */
  usage: 'turn' | 'session';
  /** False where the agent offers session/load and it does not work (gemini-cli 0.61 truncates the stored chat). */
  continue: boolean;
  /** Arguments that make the command say its version, after the command's own script. Absent: no version is known. */
  versionArgs: string[] | null;
}

const DEFAULTS: AcpOptions = { usage: 'turn', continue: true, versionArgs: null };

/** @throws CONFIG_INVALID when `custom.acp` holds something this driver does not know. */
export function acpOptionsOf(entry: ProviderEntry): AcpOptions {
  const given = fields(entry.custom?.acp);
  const wrong = Object.entries(given).filter(([key, value]) => !isRight(key, value)).map(([key]) => `custom.acp.${key}`);
  if (wrong.length) throw new AppError('CONFIG_INVALID', `The provider's entry is wrong at ${wrong.join(', ')}.`, { wrong });
  return { ...DEFAULTS, ...given };
}

function isRight(key: string, value: unknown): boolean {
  switch (key) {
    case 'usage': return value === 'turn' || value === 'session';
    case 'continue': return typeof value === 'boolean';
    case 'versionArgs': return Array.isArray(value) && value.every((item) => typeof item === 'string');
    default: return false;
  }
}
