import type { ProviderEntry } from '@orbitmesh/domain';
import type { AgentPackage } from './install-agent.js';

/** The last release that is plain JavaScript: 64 MB, no install scripts, runs on Node 20. */
export const CLAUDE_CODE: AgentPackage = { package: '@anthropic-ai/claude-code', version: '2.1.112', script: 'cli.js' };

/** An entry for `providers.json` that starts claude-code against `standInUrl` alone, and has the stand-in as the proxy of everything else. */
export function claudeProviderEntry(options: { script: string; standInUrl: string }): ProviderEntry {
  return {
    driver: 'claude-code',
    command: [process.execPath, options.script],
    env: {
      ANTHROPIC_BASE_URL: options.standInUrl,
      // No key: the stand-in asks for none, but the program does not start without one.
      ANTHROPIC_API_KEY: 'stand-in',
      CLAUDE_CODE_MAX_RETRIES: '1',
      HTTPS_PROXY: options.standInUrl,
      NO_PROXY: '127.0.0.1,localhost',
    },
  };
}
