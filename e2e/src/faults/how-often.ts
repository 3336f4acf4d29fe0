import { describe } from '@jest/globals';
import { LONG } from '@orbitmesh/testing';

/** What takes minutes, or what the harness does in short: in `npm run test:faults` alone. */
export const inFaultRun: (name: string, tests: () => void) => void = LONG ? describe : describe.skip;
/** Jest's own limit of one test; a kill and its recovery take up to 15 s on a busy machine. */
export const FAULT_TEST_MS = LONG ? 600_000 : 120_000;
