import TestSequencer from '@jest/test-sequencer';

/** They start services, stacks or agents. */
const OF_PROCESSES = /[/\\]e2e[/\\]src[/\\]|\.int\.spec\.ts$/;

/**
 * In a new checkout, where no run has said yet how long each takes: what starts processes before what does not. By size alone some of
 * them come last, and one worker waits for the other at the end.
 */
export default class ProcessesFirst extends TestSequencer {
  sort(tests) {
    const sorted = super.sort(tests);
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted;
    return sorted.sort((a, b) => Number(OF_PROCESSES.test(b.path)) - Number(OF_PROCESSES.test(a.path)));
  }
}
