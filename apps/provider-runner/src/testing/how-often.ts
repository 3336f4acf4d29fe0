/** `npm run test:faults` runs the long form; `npm test` a short one of the same tests. */
export const LONG = process.env.ORBITMESH_TEST_FAULTS === '1';
