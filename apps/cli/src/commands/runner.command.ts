import { setTimeout as delay } from 'node:timers/promises';
import type { RunnerView } from '@orbitmesh/contracts';
import type { Context } from '../context.js';
import { labelsText, timeText, type Columns } from '../document-text.js';
import { CliError, EXIT } from '../exit-code.js';
import { RUNNER_POLL_MS } from '../limits.js';
import type { Call, Register } from '../site.js';

/** With the reason, where there is one. */
export function runnerState({ state, problem, drain }: RunnerView): string {
  if (problem) return `${state} (${problem})`;
  return drain && state !== 'draining' && state !== 'drained' ? `${state} (to be drained)` : state;
}

export function agentsText({ running, capacity, starting }: RunnerView): string {
  return `${running} of ${capacity}${starting ? ` (${starting} starting)` : ''}`;
}

const COLUMNS: Columns<RunnerView> = [
  ['RUNNER', (one) => one.id], ['STATE', runnerState], ['AGENTS', agentsText], ['CPU', ({ cpuLoad }) => (cpuLoad === null ? null : `${Math.round(cpuLoad * 100)}%`)],
  ['PROVIDERS', (one) => one.providers.map(({ name, version }) => (version === null ? name : `${name} ${version}`))],
  ['LABELS', (one) => labelsText(one.labels)], ['DIRECTORIES', (one) => one.roots], ['VERSION', (one) => one.version], ['HOST', (one) => one.host], ['HEARD OF', (one) => timeText(one.lastHeartbeatAt)],
];
const RUNNER = [['<runner>', 'its id']] as const;

export const registerRunner: Register = (program) => {
  const runner = program.noun('runner', 'what starts agents and keeps them');
  runner.list<RunnerView>({ about: 'list the runners', page: ({ client }) => client.runners(), columns: COLUMNS, none: 'No runner was ever heard of.' });
  runner.add<DrainOptions, [id: string]>({
    name: 'drain', about: 'give a runner nothing new, and let its sessions end by themselves; it stays so until undrain', args: RUNNER,
    options: [['-w, --wait', 'until it has no session left'], ['--idempotency-key <key>', 'a repeated call with the same key changes nothing more']],
    more: 'A runner that is drained can be ended without loss.',
  }, drain);
  runner.change<RunnerView>({
    name: 'undrain', about: 'let a runner take new sessions again', args: RUNNER, send: ({ client, call: { args: [id] } }, how) => client.undrainRunner(id, how), text: (one) => `${one.id}: ${runnerState(one)}`,
  });
};

interface DrainOptions { wait?: boolean; idempotencyKey?: string }

async function drain(context: Context, { args: [id], options: { wait, idempotencyKey } }: Call<DrainOptions, [id: string]>): Promise<void> {
  const client = await context.client();
  let { body: runner } = await client.drainRunner(id, { idempotencyKey });
  while (wait && runner.running > 0) {
    context.printer.progress.show(`${id} is draining: ${runner.running} ${runner.running === 1 ? 'session' : 'sessions'} left`);
    await delay(RUNNER_POLL_MS, undefined, { signal: context.terminal.signal });
    const found = (await client.runners()).items.find((one) => one.id === id);
    if (!found?.drain) throw new CliError(EXIT.failure, `${id} is not drained any more.`, { hint: 'How it is now: % runner list' });
    runner = found;
  }
  context.printer.result(runner, () => `${id}: ${runnerState(runner)}${wait || runner.running === 0 ? '' : `, ${runner.running} left`}`);
}
