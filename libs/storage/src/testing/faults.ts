/** `npm run test:faults` has the time for everything; `npm test` takes a part of it. */
export const LONG = process.env.ORBITMESH_TEST_FAULTS === '1';

/** `ORBITMESH_FAULT_SEED`, to have the same again; said where something fails. */
export const SEED = Number(process.env.ORBITMESH_FAULT_SEED ?? Math.floor(Math.random() * 2 ** 31));
