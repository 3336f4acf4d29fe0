import { delimiter } from 'node:path';
import type { Manifest, ProviderEntry } from '@orbitmesh/domain';
import { RUN_MARKER } from '../process/run-processes.js';
import type { RunFiles } from './run-files.js';
import { resolveSecrets } from './secrets.js';

/** What an agent inherits from whoever started OrbitMesh; everything else is given to it by name (design §8). */
const INHERITED = /^(PATH|HOME|LANG|LC_[A-Z]+|TERM|TZ|TMPDIR|USER|LOGNAME|SHELL)$/;
const PATH_DEFAULT = '/usr/local/bin:/usr/bin:/bin';
export const TOKEN_NAME = 'ORBITMESH_TOKEN';

export interface AgentEnvironment {
  variables: Record<string, string>;
  /** Values that must not leave the runner. */
  secrets: string[];
}

export interface EnvironmentInput {
  manifest: Manifest;
  entry: ProviderEntry;
  files: RunFiles;
  runId: string;
  apiUrl: string;
  token: string;
  processEnv: NodeJS.ProcessEnv;
}

/**
 * The agent's whole environment: inherited < the entry's < the manifest's < secrets < ours, so that
 * nothing configured can pretend to be another session.
 * @throws CONFIG_INVALID when a secret cannot be resolved
 */
export function agentEnvironment(input: EnvironmentInput): AgentEnvironment {
  const { manifest, entry, files } = input;
  const inherited = Object.entries(input.processEnv).filter((pair): pair is [string, string] => INHERITED.test(pair[0]) && pair[1] !== undefined);
  const secrets = resolveSecrets(secretReferences(manifest, entry), input.processEnv);
  const variables: Record<string, string> = {
    PATH: PATH_DEFAULT, ...Object.fromEntries(inherited), ...entry.env, ...manifest.environment, ...secrets,
    ORBITMESH_SESSION_ID: manifest.sessionId,
    ORBITMESH_PROJECT_ID: manifest.projectId,
    ORBITMESH_TASK_IDS: manifest.tasks.map((task) => task.id).join(','),
    ORBITMESH_MANIFEST: files.manifest,
    ORBITMESH_API_URL: input.apiUrl,
    [TOKEN_NAME]: input.token,
    [RUN_MARKER]: input.runId,
  };
  variables.PATH = `${files.bin}${delimiter}${variables.PATH}`;
  return { variables, secrets: [...Object.values(secrets), input.token] };
}

/** The entry's secrets, and the session's own over them. */
export function secretReferences(manifest: Manifest, entry: ProviderEntry): Record<string, string> {
  return { ...entry.secrets, ...manifest.secrets };
}

/** After a restart: the environment as the living agent has it, read back from the system. */
export function environmentOf(environ: Buffer, manifest: Manifest, entry: ProviderEntry): AgentEnvironment {
  const variables = Object.fromEntries(environ.toString().split('\0').filter((pair) => pair.includes('=')).map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  }));
  const names = [...Object.keys(secretReferences(manifest, entry)), TOKEN_NAME];
  return { variables, secrets: names.flatMap((name) => (variables[name] === undefined ? [] : [variables[name]])) };
}
