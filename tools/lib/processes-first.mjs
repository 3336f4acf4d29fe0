import TestSequencer from '@jest/test-sequencer';

/** They start services, stacks or agents. */
const OF_PROCESSES = /[/\\]e2e[/\\]src[/\\]|\.int\.spec\.ts$/;
/** Minutes in their long form, of which runs of `npm test` say nothing: first, and what computes beside what mostly waits. */
const LONGEST_FAULTS = [
  'crash/crash.spec', 'faults/kill.spec', 'runner-lost', 'nats-faults', 'nats-away', 'every-operation', 'boot/mutations.spec', 'drivers/conformance', 'harness/harness.spec', 'harness/sabotage.spec',
  'faults/wire.spec', 'hostile-trees', 'hostile-agents',
];

/**
 * In a new checkout, where no run has said yet how long each takes: what starts processes before what does not. By size alone some of
 * them come last, and one worker waits for the other at the end.
 */
export default class ProcessesFirst extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    const known = sorted.some(({ duration }) => duration !== undefined);
    const ordered = known ? sorted : sorted.sort((a, b) => Number(OF_PROCESSES.test(b.path)) - Number(OF_PROCESSES.test(a.path)));
    return process.env.ORBITMESH_TEST_FAULTS === '1' ? ordered.sort((a, b) => place(a) - place(b)) : ordered;
  }
}

function place({ path }) {
  const at = LONGEST_FAULTS.findIndex((name) => path.replaceAll('\\', '/').includes(name));
  return at === -1 ? LONGEST_FAULTS.length : at;
}
