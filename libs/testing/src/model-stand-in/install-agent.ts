import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A cold npm cache on a slow line; at the bound the test that needs the agent fails. */
const INSTALL_TIMEOUT_MS = 5 * 60_000;
const NPM_OUTPUT_BYTES_MAX = 16 * 1024 * 1024;
const run = promisify(execFile);

/** A real agent as npm has it. */
export interface AgentPackage {
  package: string;
  /** Exact: what a test says about an agent, it says about this one. */
  version: string;
  /** What is started, inside of the package. */
  script: string;
}

/**
 * Installs an agent once into `<checkout>/.cache/agents` and returns its script. Safe to call from
 * several processes at once and again after a crash: it is installed beside its place and renamed into
 * it, so that what stands there is whole.
 *
 * @throws Error with npm's own words when it cannot be installed; nothing is skipped.
 */
export async function installAgent(checkout: string, agent: AgentPackage): Promise<string> {
  const agents = join(checkout, '.cache', 'agents');
  const place = join(agents, `${agent.package.replace('@', '').replaceAll('/', '-')}-${agent.version}`);
  const script = join(place, 'node_modules', agent.package, agent.script);
  if (await exists(script)) return script;
  await mkdir(agents, { recursive: true });
  const temporary = await mkdtemp(join(agents, '.install-'));
  try {
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', temporary, `${agent.package}@${agent.version}`];
    await run('npm', args, { cwd: temporary, timeout: INSTALL_TIMEOUT_MS, maxBuffer: NPM_OUTPUT_BYTES_MAX });
    await rename(temporary, place).catch(async (error: NodeJS.ErrnoException) => {
      // Another process was first: its installation is as good as ours.
      if (!(await exists(script))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  if (!(await exists(script))) throw new Error(`npm installed ${agent.package}, and ${script} is not there`);
  return script;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}
