import { LONG } from '@orbitmesh/testing';

export const KILLS_EACH = LONG ? 10 : 1;
export const NATS_AWAY_MS = LONG ? 40_000 : 5_000;
/** Jest's own limit of one test; a kill and its recovery take up to 15 s on a busy machine. */
export const FAULT_TEST_MS = LONG ? 600_000 : 120_000;
