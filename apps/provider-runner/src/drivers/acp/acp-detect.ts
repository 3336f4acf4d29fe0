import { isAbsolute } from 'node:path';
import { AppError, type ProviderEntry } from '@orbitmesh/domain';
import type { Detection } from '../driver.js';
import { detectCommand } from '../wire/detect-command.js';
import { acpOptionsOf } from './acp-options.js';

/** Is the agent there, and which version? An entry that is wrong is refused when a run starts; until then its version is unknown. */
export async function detectAcpAgent(entry: ProviderEntry): Promise<Detection> {
  try {
    const { versionArgs, env } = acpOptionsOf(entry);
    return await detectCommand({ ...entry, env: { ...env, ...entry.env } }, versionArgs && [...scriptOf(entry.command), ...versionArgs]);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const found = await detectCommand(entry, null);
    return found.installed ? { ...found, detail: `the version is unknown: ${error.message}` } : found;
  }
}

/** What the program runs: a script, and nothing where it is the agent itself. */
function scriptOf([, ...args]: string[]): string[] {
  const end = args.findIndex((arg) => !isAbsolute(arg));
  return end < 0 ? args : args.slice(0, end);
}
