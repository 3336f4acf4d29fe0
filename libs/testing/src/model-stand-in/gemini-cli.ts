import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { ProviderEntry } from '@orbitmesh/domain';

/** The real agent that tests drive: 100 MB, a few seconds, no install scripts, runs on Node 20. */
export const GEMINI_CLI_VERSION = '0.61.0';
/** A cold npm cache on a slow line; at the bound the test that needs the agent fails. */
const INSTALL_TIMEOUT_MS = 5 * 60_000;
const run = promisify(execFile);

/**
 * Installs gemini-cli once into `<checkout>/.cache/agents` and returns its script. Safe to call from
 * several processes at once and again after a crash: it is installed beside its place and renamed into
 * it, so that what stands there is whole.
 *
 * @throws Error with npm's own words when it cannot be installed; nothing is skipped.
 */
export async function installGeminiCli(checkout: string): Promise<string> {
  const agents = join(checkout, '.cache', 'agents');
  const place = join(agents, `gemini-cli-${GEMINI_CLI_VERSION}`);
  const script = join(place, 'node_modules', '@google', 'gemini-cli', 'bundle', 'gemini.js');
  if (await exists(script)) return script;
  await mkdir(agents, { recursive: true });
  const temporary = await mkdtemp(join(agents, '.install-'));
  try {
    const args = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', temporary, `@google/gemini-cli@${GEMINI_CLI_VERSION}`];
    await run('npm', args, { cwd: temporary, timeout: INSTALL_TIMEOUT_MS, maxBuffer: 16 * 1024 * 1024 });
    await rename(temporary, place).catch(async (error: NodeJS.ErrnoException) => {
      // Another process was first: its installation is as good as ours.
      if (!(await exists(script))) throw error;
    });
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  if (!(await exists(script))) throw new Error(`npm installed gemini-cli, and ${script} is not there`);
  return script;
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(() => true, () => false);
}

/**
 * An entry for `providers.json` that starts gemini-cli against `standInUrl` alone: its own HOME with its
 * settings (written here), no update, no telemetry, no relaunch, and the stand-in as the proxy of
 * everything else.
 */
export async function geminiProviderEntry(options: { script: string; standInUrl: string; home: string; model?: string }): Promise<ProviderEntry> {
  const settings = {
    security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
    privacy: { usageStatisticsEnabled: false },
    general: { enableAutoUpdate: false, disableAutoUpdate: true, disableUpdateNag: true },
    telemetry: { enabled: false },
  };
  await mkdir(join(options.home, '.gemini'), { recursive: true });
  await writeFile(join(options.home, '.gemini', 'settings.json'), JSON.stringify(settings, null, 2));
  return {
    driver: 'acp',
    command: [process.execPath, options.script, '--acp', ...(options.model ? ['--model', options.model] : [])],
    env: {
      HOME: options.home,
      // No key: the stand-in asks for none, but the program does not start without one.
      GEMINI_API_KEY: 'stand-in',
      GOOGLE_GEMINI_BASE_URL: options.standInUrl,
      GEMINI_CLI_NO_RELAUNCH: 'true',
      HTTPS_PROXY: options.standInUrl,
      NO_PROXY: '127.0.0.1,localhost',
    },
    // session/load of 0.61.0 does not find the conversation and truncates the stored one.
    custom: { acp: { continue: false, versionArgs: [options.script, '--version'] } },
  };
}
