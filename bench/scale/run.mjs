/** `node bench/scale/run.mjs [name] [--small]`: how far one machine goes (docs/performance.md). Writes `bench/results/scale-<date>.json` and the plot. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { setUp } from '../../tools/lib/set-up.mjs';
import { machine } from '../measure.mjs';

const small = process.argv.includes('--small');
const only = process.argv.slice(2).find((arg) => !arg.startsWith('--'));
const of = (full, less) => (small ? less : full);

// Before anything that asks for a dependency: on a new clone there is none yet.
await setUp();
const [{ deaf }, { flood, output }, { lifecycles, sessionsAtOnce }, { starts }, { watchers }, { barsOf, withGateways, withRunners }] = await Promise.all(
  ['deaf', 'output', 'sessions', 'start', 'watchers', 'widths'].map((name) => import(`./${name}.bench.mjs`)),
);

const BENCHES = {
  sessions: () => sessionsAtOnce(of({ sessions: 500, runners: 2, minutes: 10 }, { sessions: 20, runners: 2, minutes: 0.05 })),
  lifecycles: () => lifecycles(of({ lifecycles: 10_000, runners: 2 }, { lifecycles: 100, runners: 2 })),
  output: () => output(of({ agents: 50, perSecond: 3_200, seconds: 60, runners: 2 }, { agents: 5, perSecond: 250, seconds: 4, runners: 1 })),
  flood: () => flood(of({ burst: 10_000, others: 20, runners: 1 }, { burst: 500, others: 3, runners: 1 })),
  // A gateway cuts who has not read for a minute (LAGGING_MS_MAX), and looks each second.
  watchers: () => watchers(of({ clients: 1_000, framesPerSecond: 22_000, seconds: 30, silent: 100, silentSeconds: 75 }, { clients: 50, framesPerSecond: 500, seconds: 3, silent: 2, silentSeconds: 3 })),
  deaf: () => deaf(of({ clients: 100, before: 5_000, events: 2_000 }, { clients: 3, before: 20, events: 20, kinds: ['webSocketFromCursor'] })),
  start: () => starts(of({ sessions: 100_000, few: 1_000, outputs: 1 }, { sessions: 300, few: 100, outputs: 2 })),
  async widths() {
    const runners = {};
    for (const count of [1, 2, 4]) runners[count] = await withRunners(count, of(1_000, 40));
    const gateways = {};
    for (const count of [1, 2]) gateways[count] = await withGateways(count, of(10, 1));
    return { runners, gateways };
  },
};

const results = {};
for (const [name, bench] of Object.entries(BENCHES)) {
  if (only && only !== name) continue;
  results[name] = await bench();
  console.log(name, JSON.stringify(results[name], null, 1));
}
if (!small) await keep();

async function keep() {
  const commit = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD']).then(({ stdout }) => stdout.trim(), () => 'unknown');
  const dir = fileURLToPath(new URL('../results/', import.meta.url));
  await mkdir(dir, { recursive: true });
  const file = `${dir}scale-${new Date().toISOString().slice(0, 10)}.json`;
  const before = await readFile(file, 'utf8').then(JSON.parse, () => ({}));
  await writeFile(file, `${JSON.stringify({ machine: machine(), results: { ...before.results, ...Object.fromEntries(Object.entries(results).map(([name, result]) => [name, { commit, ...result }])) } }, null, 2)}\n`);
  if (results.widths) await writeFile(fileURLToPath(new URL('../../docs/throughput.svg', import.meta.url)), plot(results.widths));
}

function plot({ runners, gateways }) {
  return barsOf('Throughput on two cores, the load generator beside it', [
    ...Object.entries(runners).map(([count, value]) => ({ label: `sessions/s, ${count} runner(s)`, value })),
    ...Object.entries(gateways).flatMap(([count, { reads, creates }]) => [{ label: `reads/s, ${count} gateway(s)`, value: reads }, { label: `durable creates/s, ${count} gateway(s)`, value: creates }]),
  ]);
}
