import type { ProviderEntry } from '@orbitmesh/domain';
import type { AgentPackage } from './install-agent.js';

/** 404 MB with its binary: tests with it run by `npm run test:agents` alone. */
export const CODEX: AgentPackage = { package: '@openai/codex', version: '0.169.0', script: 'bin/codex.js' };

/** A name that codex has no catalogue entry for: the stand-in is no model of OpenAI's. */
const MODEL = 'stand-in';

/** What codex logs in with, and the stand-in then hears. */
export const CODEX_KEY = 'sk-of-the-stand-in';

/** An entry for `providers.json` that starts codex against `standInUrl` alone, and has the stand-in as the proxy of everything else. */
export function codexProviderEntry(options: { script: string; standInUrl: string }): ProviderEntry {
  return {
    driver: 'codex',
    command: [process.execPath, options.script],
    env: { OPENAI_API_KEY: CODEX_KEY, HTTPS_PROXY: options.standInUrl, NO_PROXY: '127.0.0.1,localhost' },
    custom: {
      codex: {
        config: {
          model: MODEL, model_provider: 'standin',
          model_providers: { standin: { name: 'stand-in', base_url: `${options.standInUrl}/v1`, requires_openai_auth: true, wire_api: 'responses', request_max_retries: 1, stream_max_retries: 1 } },
        },
      },
    },
  };
}
