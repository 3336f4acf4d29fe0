import type { Manifest, ProviderEntry } from '@orbitmesh/domain';
import type { McpServerLaunch } from '../drivers/driver.js';
import { MANIFEST_VARIABLE, RUN_MARKER } from '../process/run-mark.js';
import { REDACT_VARIABLE } from './agent-environment.js';
import type { RunFiles } from './run-files.js';

/** Nobody else has this name: session-service refuses a spawn that brings a server called so. */
export const OWN_MCP_SERVER = 'orbitmesh';

/** The run's marker, by which a server is found when its agent let go of it. */
const MARK = [RUN_MARKER, MANIFEST_VARIABLE];
/** And what `orbitmesh mcp` knows of its session. */
const OWN_VARIABLES = ['ORBITMESH_API_URL', 'ORBITMESH_TOKEN', 'ORBITMESH_SESSION_ID', 'ORBITMESH_PROJECT_ID', 'ORBITMESH_TASK_IDS', REDACT_VARIABLE, ...MARK];

/**
 * The MCP servers of a run: our own (design §8) unless the entry says `custom.orbitmeshMcp: false`, then the session's. These get
 * what was named for the session, its environment and its secrets, where their own `env` says nothing else, and what keeps git from the repository's programs; never its token.
 */
export function mcpServersOf({ provider, environment, secrets }: Manifest, entry: ProviderEntry, files: Pick<RunFiles, 'cli'>, variables: Readonly<Record<string, string>>): McpServerLaunch[] {
  const named = [...Object.keys(environment), ...Object.keys(secrets), ...Object.keys(variables).filter((name) => name.startsWith('GIT_CONFIG_')), ...MARK];
  const theirs = provider.mcpServers.map((server) => ({ ...server, forward: named.filter((name) => !(name in server.env)) }));
  if (entry.custom?.orbitmeshMcp === false) return theirs;
  return [{ name: OWN_MCP_SERVER, command: files.cli, args: ['mcp'], env: {}, forward: OWN_VARIABLES, own: true }, ...theirs];
}
