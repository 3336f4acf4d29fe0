#!/usr/bin/env node
// npm run test:faults [-- --short | --long | --rest] [--seed N] [--rounds N] [<jest arguments>]: set-up, then everything that is
// killed, cut, frozen or filled up on purpose. Without arguments the long form of each test (20 minutes at most).
// --short: as `npm test` runs them (3 minutes). --long: 500 rounds of kill -9 with 10,000 sessions on disk, and a
// soak of 30 minutes; what they measured is kept in .cache/fault-results.ndjson. --rest: what else is too long for
// each `npm test`. --seed repeats a schedule.
import { requireNode } from './lib/node-version.mjs';

requireNode();
const [{ setUp, ROOT }, { Refusal, sayLines }, { runTests }, { SHORT, WHOLE, REST, LONG }, { parseArgs }, { join }] = await Promise.all([
  import('./lib/set-up.mjs'), import('./lib/say.mjs'), import('./lib/run-tests.mjs'), import('./lib/fault-specs.mjs'), import('node:util'), import('node:path'),
]);

const USAGE = `npm run test:faults [-- [--short | --long | --rest] [--seed N] [--rounds N] [<paths of tests>]]
  without: every fault at length (20 minutes); --short: as npm test does it (3 minutes);
  --long: 500 rounds of kill -9 with 10,000 sessions on disk, then a soak of 30 minutes (1.5 hours);
  --rest: the long form of what is no fault (15 minutes);
  --seed repeats a schedule, --rounds says how many the harness makes.`;
const KILLS = 'kill,kill-session-service,kill-runner,kill-nats,kill-two,kill-twice,kill-all';
const RESULTS = join(ROOT, '.cache', 'fault-results.ndjson');

let totals = { passed: 0, failed: 1, skipped: 0 };
try {
  const { values, positionals } = readArguments();
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    process.exit(0);
  }
  const number = (name) => {
    if (values[name] !== undefined && !/^\d+$/.test(values[name])) throw new Refusal(`--${name} takes a whole number, not ${values[name]}.`);
    return values[name];
  };
  const [seed, rounds] = ['seed', 'rounds'].map(number);
  Object.assign(process.env, {
    ...(!values.short && { ORBITMESH_TEST_FAULTS: '1' }),
    ...(values.long && { ORBITMESH_FAULT_ROUNDS: '500', ORBITMESH_FAULT_NAMES: KILLS, ORBITMESH_FAULT_SESSIONS: '10000', ORBITMESH_FAULT_SOAK_MINUTES: '30', ORBITMESH_FAULT_RESULTS: RESULTS }),
    ...(seed && { ORBITMESH_FAULT_SEED: seed }), ...(rounds && { ORBITMESH_FAULT_ROUNDS: rounds }),
  });
  await setUp();
  totals = await runTests(positionals.length > 0 ? positionals : values.long ? LONG : values.short ? SHORT : values.rest ? REST : WHOLE);
} catch (error) {
  process.stderr.write(`${error instanceof Refusal ? error.message : error.stack}\n`);
}
sayLines(`\n${totals.passed} passed, ${totals.failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ''}`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

function readArguments() {
  try {
    return parseArgs({ allowPositionals: true, options: { short: { type: 'boolean' }, long: { type: 'boolean' }, rest: { type: 'boolean' }, seed: { type: 'string' }, help: { type: 'boolean' }, rounds: { type: 'string' } } });
  } catch (error) {
    throw new Refusal(`${error.message}\n${USAGE}`);
  }
}
