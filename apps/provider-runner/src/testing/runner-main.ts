import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const bundles = new URL('../../../../tools/lib/bundle.mjs', import.meta.url);
const { entryOf } = existsSync(bundles) ? await import(bundles.href) as { entryOf(root: string, app: string): string } : { entryOf: null };

/** The built runner, which specs start as a process of its own, as the launcher does. */
export const RUNNER_MAIN = entryOf ? entryOf(fileURLToPath(new URL('../../../../', import.meta.url)), 'provider-runner') : fileURLToPath(new URL('../../dist/main.js', import.meta.url));
