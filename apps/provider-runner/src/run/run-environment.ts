import type { IdKind, ProviderEntry } from '@orbitmesh/domain';
import type { Bus } from '@orbitmesh/messaging';
import type { Metrics } from '@orbitmesh/service-kit';
import type { DriverDefinition } from '../drivers/driver.js';
import type { ProcessTable } from '../process/process-table.js';
import type { RunDisk } from '../files/run-disk.js';
import type { AgentStates } from './agent-state.js';
import type { RunLog } from './run-log.js';

/** What all runs of a runner share. */
export interface RunEnvironment {
  installationId: string;
  /** The name of its directory in the home. */
  slot: string;
  runnerId: string;
  incarnation: string;
  home: string;
  /** The only directories that it works in, normal; empty: wherever it may. */
  ownRoots: readonly string[];
  /** Instead of what a request says: how the API is called from here. */
  apiUrl?: string;
  /** The CLI's entry file, for the run's `bin/orbitmesh`. */
  cliEntry: string;
  /** Octal: the umask of the user who started OrbitMesh. */
  userUmask: string;
  processEnv: NodeJS.ProcessEnv;
  /** What agents keep between their runs. */
  agentStates: AgentStates;
  disk: RunDisk;
  table: ProcessTable;
  bus: Bus;
  metrics: Pick<Metrics, 'count'>;
  log: RunLog;
  newId(kind: IdKind): string;
  /** @throws CONFIG_INVALID when no provider of this name is configured, or its driver is not known */
  provider(name: string): { entry: ProviderEntry; definition: DriverDefinition };
  driver(name: string): DriverDefinition | undefined;
}
