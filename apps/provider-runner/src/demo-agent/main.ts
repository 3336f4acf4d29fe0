import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DEMO_AGENT_VERSION } from './version.js';

/** As the CLI does (ADR-0019): every session of it starts one. */
async function run(): Promise<void> {
  const bundles = new URL('../../../../tools/lib/bundle.mjs', import.meta.url);
  const { entryOf } = existsSync(bundles) ? await import(bundles.href) as { entryOf(root: string, app: string, entry: string): string } : { entryOf: null };
  await import(entryOf ? pathToFileURL(entryOf(fileURLToPath(new URL('../../../../', import.meta.url)), 'provider-runner', 'demo-agent/run')).href : './run.js');
}

// Every start of a runner asks for it.
if (process.argv.includes('--version')) process.stdout.write(`${DEMO_AGENT_VERSION}\n`);
else await run();
