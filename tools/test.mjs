#!/usr/bin/env node
// npm test [-- <jest arguments>]: set-up, lint, generated files, every spec. The last line is the totals.
import { requireNode } from './lib/node-version.mjs';

requireNode();
const [{ setUp }, { Refusal, sayLines }, { runTests }] = await Promise.all([
  import('./lib/set-up.mjs'), import('./lib/say.mjs'), import('./lib/run-tests.mjs'),
]);

let totals = { passed: 0, failed: 1, skipped: 0 };
try {
  await setUp();
  totals = await runTests(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Refusal ? error.message : error.stack}\n`);
}
// Read by CI: alone on the last line.
sayLines(`\n${totals.passed} passed, ${totals.failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ''}`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
