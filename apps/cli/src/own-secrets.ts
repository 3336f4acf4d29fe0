import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Redactor } from '@orbitmesh/domain';
import { SENT_SECRET_LENGTH_MIN } from './limits.js';

type Env = NodeJS.ProcessEnv;

/**
 * Of the session we are in: what an agent says by our command is kept, shown and sent on, so the secrets that it was given are
 * taken out of it, as they are out of its output.
 */
export function ownSecretsIn(env: Env): Redactor {
  const given = environmentOfRun(env) ?? env;
  const names = (given['ORBITMESH_REDACT'] ?? 'ORBITMESH_TOKEN').split(',');
  return new Redactor(names.flatMap((name) => given[name] ?? []).filter((value) => value.length >= SENT_SECRET_LENGTH_MIN));
}

/** Agents start us with all, some or none of their environment; the wrapper of the run has all of it, where the system shows it. */
function environmentOfRun(env: Env): Env | undefined {
  try {
    const pid = Number(readFileSync(join(dirname(env['ORBITMESH_MANIFEST']!), 'wrapper'), 'utf8'));
    const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const found: Env = Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]));
    return found['ORBITMESH_RUN_ID'] === env['ORBITMESH_RUN_ID'] ? found : undefined;
  } catch {
    return undefined;
  }
}
