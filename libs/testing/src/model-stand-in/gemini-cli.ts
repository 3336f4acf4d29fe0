import type { ProviderEntry } from '@orbitmesh/domain';
import type { AgentPackage } from './install-agent.js';

/** 100 MB, a few seconds, no install scripts, runs on Node 20. */
export const GEMINI_CLI: AgentPackage = { package: '@google/gemini-cli', version: '0.61.0', script: 'bundle/gemini.js' };

/** An entry for `providers.json` that starts gemini-cli against `standInUrl` alone, and has the stand-in as the proxy of everything else. */
export function geminiProviderEntry(options: { script: string; standInUrl: string }): ProviderEntry {
  return {
    driver: 'acp',
    command: [process.execPath, options.script, '--acp'],
    env: {
      // No key: the stand-in asks for none, but the program does not start without one.
      GEMINI_API_KEY: 'stand-in',
      GOOGLE_GEMINI_BASE_URL: options.standInUrl,
      HTTPS_PROXY: options.standInUrl,
      NO_PROXY: '127.0.0.1,localhost',
    },
    custom: { acp: { preset: 'gemini' } },
  };
}
