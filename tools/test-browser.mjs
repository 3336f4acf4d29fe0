#!/usr/bin/env node
// npm run test:browser: set-up, a Chromium (fetched once, installed nowhere), then pages of other origins and what they can do.
import { requireNode } from './lib/node-version.mjs';

requireNode();
const [{ setUp }, { Refusal, sayLines }, { runTests }, { ensureBrowser }] = await Promise.all([
  import('./lib/set-up.mjs'), import('./lib/say.mjs'), import('./lib/run-tests.mjs'), import('./browser.mjs'),
]);

let totals = { passed: 0, failed: 1, skipped: 0 };
try {
  await setUp();
  await ensureBrowser({ log: sayLines });
  process.env.ORBITMESH_TEST_BROWSER = '1';
  totals = await runTests(['apps/api-gateway/src/http/browser.int.spec.ts']);
} catch (error) {
  process.stderr.write(`${error instanceof Refusal ? error.message : error.stack}\n`);
}
sayLines(`\n${totals.passed} passed, ${totals.failed} failed`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
