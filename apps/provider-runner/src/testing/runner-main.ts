import { fileURLToPath } from 'node:url';

/** The compiled runner, which specs start as a process of its own. */
export const RUNNER_MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
