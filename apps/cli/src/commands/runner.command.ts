import type { RunnerView } from '@orbitmesh/contracts';
import { timeText, type Columns } from '../document-text.js';
import type { Register } from '../site.js';

/** With the reason, where there is one. */
export function runnerState({ state, problem }: RunnerView): string {
  return problem ? `${state} (${problem})` : state;
}

const COLUMNS: Columns<RunnerView> = [
  ['RUNNER', (one) => one.id], ['STATE', runnerState], ['AGENTS', (one) => `${one.running} of ${one.capacity}`], ['VERSION', (one) => one.version], ['HOST', (one) => one.host],
  ['LABELS', (one) => Object.entries(one.labels ?? {}).map(([name, value]) => `${name}=${value}`)], ['HEARD OF', (one) => timeText(one.lastHeartbeatAt)],
];

export const registerRunner: Register = (program) => {
  program.noun('runner', 'what starts agents and keeps them')
    .list<RunnerView>({ about: 'list the runners', page: ({ client }) => client.runners(), columns: COLUMNS, none: 'No runner was ever heard of.' });
};
