import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProviderEntry } from '@orbitmesh/domain';
import type { AgentPackage } from './install-agent.js';

/** 100 MB, a few seconds, no install scripts, runs on Node 20. */
export const GEMINI_CLI: AgentPackage = { package: '@google/gemini-cli', version: '0.61.0', script: 'bundle/gemini.js' };

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
