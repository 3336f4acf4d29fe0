import { accessSync, constants } from 'node:fs';
import { isAbsolute } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { SessionRpc } from '@orbitmesh/contracts';
import { AppError, type Manifest, type ProviderEntry } from '@orbitmesh/domain';
import type { DriverDefinition, RunContext } from '../drivers/driver.js';
import { CLAIM_GIVE_UP_MS, SEND_RETRY_MS } from '../limits.js';
import { agentEnvironment, withDriverVariables, type AgentEnvironment } from './agent-environment.js';
import { gitGuard } from './git-guard.js';
import { mcpServersOf } from './mcp-servers.js';
import type { RunEnvironment } from './run-environment.js';
import type { RunFiles } from './run-files.js';
import type { RunRecord, TracedStart } from './run-record.js';
import { resolveWorkingDir } from './working-dir.js';

/**
 * Asks session-service for the run, again while nobody answers.
 * @returns the moment (monotonic, ms) until which it may be executed, counted from when the claim was
 * *sent* (design §4.3); undefined when it may not be.
 */
export async function claimRun(env: RunEnvironment, run: TracedStart, givenUp: () => boolean): Promise<number | undefined> {
  const { runnerId, incarnation } = env;
  const { sessionId, runId, epoch, ttlMs, traceId } = run;
  const giveUpAt = performance.now() + CLAIM_GIVE_UP_MS;
  for (let pauseMs: number = SEND_RETRY_MS.first; !givenUp() && performance.now() < giveUpAt; pauseMs = Math.min(pauseMs * 2, SEND_RETRY_MS.last)) {
    const sentAt = performance.now();
    try {
      await env.bus.request(SessionRpc.claimRun, { runnerId, incarnation, sessionId, runId, epoch }, { traceId });
      if (performance.now() < sentAt + ttlMs) return sentAt + ttlMs;
    } catch (error) {
      const again = error instanceof AppError && error.retryable;
      env.log(again ? 'warn' : 'info', again ? 'claim unanswered; asking again' : 'claim refused', { err: error, sessionId, runId, epoch, traceId });
      if (!again) return undefined;
    }
    await delay(pauseMs);
  }
  return undefined;
}

export interface CheckedStart {
  entry: ProviderEntry;
  definition: DriverDefinition;
  /** Real path. */
  workingDir: string;
  stateDir: string;
  /** argv as it is executed. */
  command: string[];
  environment: AgentEnvironment;
}

/** Everything that can be wrong before anything is started. @throws CONFIG_INVALID, PROVIDER_NOT_FOUND, WORKING_DIR_INVALID */
export async function checkStart(env: RunEnvironment, files: RunFiles, manifest: Manifest, request: TracedStart): Promise<CheckedStart> {
  const { entry, definition } = env.provider(manifest.provider.type);
  const workingDir = resolveWorkingDir(manifest.workingDir, request.roots, env.home, env.ownRoots);
  definition.check?.(entry, manifest);
  const { apiUrl, token, runId, sessionId, traceId, continueAgentSessionId } = request;
  const stateDir = env.agentStates.directoryOf(manifest.provider.type, request.conversationId);
  const environment = agentEnvironment({ manifest, entry, files, runId, traceId, apiUrl, token, stateDir, processEnv: env.processEnv, home: env.home });
  if (!manifest.trustRepository) Object.assign(environment.variables, await gitGuard(workingDir, environment.variables));
  checkCommand(entry.command);
  const launch = definition.launch?.({
    sessionId, runId, manifest, entry, workingDir, stateDir, environment: environment.variables, cliPath: files.cli, mcpServers: mcpServersOf(manifest, entry, files, environment.variables),
    ...(continueAgentSessionId === undefined ? {} : { continueAgentSessionId }),
  }) ?? { command: entry.command };
  checkCommand(launch.command);
  return { entry, definition, workingDir, stateDir, command: launch.command, environment: withDriverVariables(environment, launch.environment ?? {}, { manifest, entry }) };
}

/** @throws CONFIG_INVALID */
function checkCommand(command: string[]): void {
  if (!isAbsolute(command[0] ?? '')) throw new AppError('CONFIG_INVALID', 'The command of the provider is no absolute path.');
  try {
    accessSync(command[0], constants.X_OK);
  } catch (cause) {
    throw new AppError('CONFIG_INVALID', `The command of the provider cannot be executed: ${command[0]}`, {}, { cause });
  }
}

/** What a driver is told of its run. */
export function contextOf(record: RunRecord, manifest: Manifest, files: RunFiles, environment: AgentEnvironment): RunContext {
  const { sessionId, projectId, runId, epoch, apiUrl, entry, workingDir, stateDir, continueAgentSessionId } = record;
  return {
    sessionId, projectId, runId, epoch, apiUrl, manifest, entry: entry!, workingDir: workingDir!,
    stateDir: stateDir!, mcpServers: mcpServersOf(manifest, entry!, files, environment.variables), cliPath: files.cli, manifestPath: files.manifest, environment: environment.variables,
    ...(continueAgentSessionId === undefined ? {} : { continueAgentSessionId }),
  };
}
