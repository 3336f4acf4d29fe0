#!/usr/bin/env node
// npm run test:agents [-- --all | -- NAME …]: set-up, then the real programs, each from a spawn on; only the model behind
// them is scripted. Without arguments claude-code, codex and gemini; --all: the others too (1.5 GB more, once).
// Prints what each did and keeps it in docs/agents.json and docs/agents.md. 0: each that was to run ran, and did all of it.
import { requireNode } from './lib/node-version.mjs';

requireNode();
const [{ setUp, ROOT }, { Refusal, sayLines }, { runTests }, { REQUIRED, failuresOf, keepResults, namesOf, tableOf }, { readJsonIfThere }, { join }, { rmSync }] = await Promise.all([
  import('./lib/set-up.mjs'), import('./lib/say.mjs'), import('./lib/run-tests.mjs'), import('./lib/agents-doc.mjs'), import('./lib/files.mjs'), import('node:path'), import('node:fs'),
]);

/** Beside the trials: what is only tested with a real program of this name. */
const MORE_SPECS = { codex: ['apps/provider-runner/src/drivers/codex/codex.agents.int.spec.ts'] };
const FILE = join(ROOT, '.cache', 'agents-results.json');

try {
  await setUp();
  const names = await namesOf(process.argv.slice(2));
  rmSync(FILE, { force: true });
  Object.assign(process.env, { ORBITMESH_TEST_AGENTS: '1', ORBITMESH_TEST_AGENTS_NAMES: names.join(','), ORBITMESH_TEST_AGENTS_RESULTS: FILE });
  const totals = await runTests(['e2e/src/agents/real-agents.spec.ts', 'e2e/src/security/canaries.spec.ts', ...names.flatMap((name) => MORE_SPECS[name] ?? [])]);
  const results = readJsonIfThere(FILE) ?? {};
  await keepResults(results);
  const failures = [...failuresOf(results, names), ...(totals.failed > 0 ? [`${totals.failed} tests failed`] : [])];
  sayLines(`\n${tableOf(results)}\n\n${failures.length === 0 ? `${names.join(', ')}: each ran, and did all of it` : failures.join('\n')}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
  if (!REQUIRED.every((name) => names.includes(name))) sayLines(`(not asked for: ${REQUIRED.filter((name) => !names.includes(name)).join(', ')})`);
} catch (error) {
  process.stderr.write(`${error instanceof Refusal ? error.message : error.stack}\n`);
  process.exitCode = 1;
}
