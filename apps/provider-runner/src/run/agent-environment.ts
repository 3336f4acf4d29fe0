import { delimiter, isAbsolute } from 'node:path';
import { traceparentOf } from '@orbitmesh/contracts';
import type { Manifest, ProviderEntry } from '@orbitmesh/domain';
import { MANIFEST_VARIABLE, RUN_MARKER } from '../process/run-mark.js';
import { AGENT_STATE_VARIABLE } from './agent-state.js';
import type { RunEnvironment } from './run-environment.js';
import type { RunFiles } from './run-files.js';
import type { RunLog } from './run-log.js';
import { resolveSecrets } from './secrets.js';

/** What an agent inherits from whoever started OrbitMesh; everything else is given to it by name (design §8). */
const INHERITED = /^(PATH|HOME|LANG|LC_[A-Z]+|TERM|TZ|TMPDIR|USER|LOGNAME|SHELL)$/;
const PATH_DEFAULT = '/usr/local/bin:/usr/bin:/bin';
const TOKEN_NAME = 'ORBITMESH_TOKEN';
/** As OpenTelemetry passes a trace on to processes: its agent's own spans, and its calls to us, join the request that asked for the session. */
export const TRACE_VARIABLE = 'TRACEPARENT';
/** Names of the variables whose values `orbitmesh` takes out of what an agent says by it. */
export const REDACT_VARIABLE = 'ORBITMESH_REDACT';

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
  /** Of the request that asked for the session. */
  traceId: string;
  apiUrl: string;
  token: string;
  /** What the agent keeps of its conversation. */
  stateDir: string;
  processEnv: NodeJS.ProcessEnv;
  /** `$ORBITMESH_HOME`. */
  home: string;
}

/**
 * The agent's whole environment: inherited < the entry's < the manifest's < secrets < ours, so that
 * nothing configured can pretend to be another session. No program is looked for in the working directory: its PATH is of absolute directories.
 * @throws CONFIG_INVALID when a secret cannot be resolved
 */
export function agentEnvironment(input: EnvironmentInput): AgentEnvironment {
  const { manifest, entry, files } = input;
  const inherited = Object.entries(input.processEnv).filter((pair): pair is [string, string] => INHERITED.test(pair[0]) && pair[1] !== undefined);
  const secrets = resolveSecrets(secretReferences(manifest, entry), input);
  const variables: Record<string, string> = {
    PATH: PATH_DEFAULT, ...Object.fromEntries(inherited), [TRACE_VARIABLE]: traceparentOf(input.traceId), ...entry.env, ...manifest.environment, ...secrets,
    ORBITMESH_SESSION_ID: manifest.sessionId,
    ORBITMESH_PROJECT_ID: manifest.projectId,
    ORBITMESH_TASK_IDS: manifest.tasks.map((task) => task.id).join(','),
    [MANIFEST_VARIABLE]: files.manifest,
    ORBITMESH_API_URL: input.apiUrl,
    [AGENT_STATE_VARIABLE]: input.stateDir,
    [TOKEN_NAME]: input.token,
    [REDACT_VARIABLE]: [...Object.keys(secrets), TOKEN_NAME].join(','),
    [RUN_MARKER]: input.runId,
  };
  variables.PATH = [files.bin, ...variables.PATH.split(delimiter).filter(isAbsolute)].join(delimiter);
  return { variables, secrets: [...Object.values(secrets), input.token] };
}

/** The entry's secrets, and the session's own over them. */
function secretReferences(manifest: Manifest, entry: ProviderEntry): Record<string, string> {
  return { ...entry.secrets, ...manifest.secrets };
}

/**
 * What the driver adds, where nobody configured it otherwise: what was inherited gives way, what the entry
 * or the session says stays.
 */
export function withDriverVariables({ variables, secrets }: AgentEnvironment, added: Record<string, string>, { manifest, entry }: Pick<EnvironmentInput, 'manifest' | 'entry'>): AgentEnvironment {
  const configured = { ...entry.env, ...manifest.environment, ...secretReferences(manifest, entry) };
  const free = Object.entries(added).filter(([name]) => !Object.hasOwn(configured, name) && name !== 'PATH' && !name.startsWith('ORBITMESH_'));
  return { variables: { ...variables, ...Object.fromEntries(free) }, secrets };
}

export interface EnvironmentAgainInput {
  env: RunEnvironment;
  manifest: Manifest;
  entry: ProviderEntry;
  runId: string;
  /** The wrapper's, if it still is the wrapper. */
  pid: number;
  log: RunLog;
}

/** After a restart: as the living agent has it, read back from the system; for a dead one the references are asked once more. */
export function environmentAgain({ env, manifest, entry, runId, pid, log }: EnvironmentAgainInput): AgentEnvironment {
  const variables = Object.fromEntries((env.table.environment(pid)?.toString() ?? '').split('\0').filter((pair) => pair.includes('=')).map((pair) => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), pair.slice(at + 1)];
  }));
  const references = secretReferences(manifest, entry);
  if (variables[RUN_MARKER] === runId) {
    const secrets = [...Object.keys(references), TOKEN_NAME].flatMap((name) => (variables[name] === undefined ? [] : [variables[name]]));
    return { variables, secrets };
  }
  try {
    return { variables: {}, secrets: Object.values(resolveSecrets(references, env)) };
  } catch (error) {
    log('warn', 'secrets of a run cannot be resolved any more; what it still says is not redacted', { err: error });
    return { variables: {}, secrets: [] };
  }
}
