/** What each form of `npm run test:faults` runs, as patterns for Jest. */

export const SHORT = ['e2e/src/faults'];

/** Every fault that is not as long in each `npm test`. */
export const WHOLE = [
  'e2e/src/faults', 'provider-runner/src/faults', 'recovery.int', 'conformance', 'flood.int', 'provider-runner/src/start.int', 'nats-faults', 'apps/notifier/src/notifier.spec',
  'storage/src/crash', 'storage/src/boot/(mutations|snapshot)', 'storage/src/(disk|every-operation)', 'store-copy', 'up-and-down', 'back-up.int', 'launcher/runner-gone',
];

/** No faults, but too long for each `npm test`. */
export const REST = [
  'bad-input', 'door-combinations', 'http/(hostile|crowd)', 'add-a-provider', 'small-agents', 'demo-agent.spec', 'sessions/process-driver', 'ordering.spec', 'mail-sending', 'acp.gemini', 'property.spec', 'sessions/stacks',
  'session-service/src/supervisor/heal', 'codex.replay', 'sessions/continue', 'launcher/commands', 'launcher/many-waiting', 'by-cli-alone', 'process-driver.int', 'claude.real', 'token-timing', 'bench/scale',
];

export const LONG = ['e2e/src/faults/harness/harness.spec'];
