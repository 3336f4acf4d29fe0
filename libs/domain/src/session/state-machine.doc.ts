import { OUTCOMES, type OutcomeCode } from './outcome.js';
import { SESSION_STATES, SESSION_TRANSITIONS } from './session-state.js';

/** `docs/state-machine.md`, rendered from the tables the code itself uses. */
export function renderStateMachine(): string {
  const codes = Object.keys(OUTCOMES) as OutcomeCode[];
  return [
    '# The life of a session',
    '',
    'Generated from `libs/domain` by `node tools/gen.mjs`; do not edit. What a session comes to when several of these happen at once: ADR-0007.',
    '',
    '```mermaid',
    'stateDiagram-v2',
    '  [*] --> created',
    ...SESSION_STATES.flatMap((from) => SESSION_TRANSITIONS[from].map((to) => `  ${from} --> ${to}`)),
    '  stopped --> [*]',
    '  error --> [*]',
    '```',
    '',
    '`error` goes on to `stopping` only on the way to `stopped`, within one commit. A session that came to rest in `error` stays there.',
    '',
    '| outcome | status | rests in |',
    '| --- | --- | --- |',
    ...codes.map((code) => `| \`${code}\` | ${OUTCOMES[code].status} | \`${OUTCOMES[code].state}\` |`),
    '',
  ].join('\n');
}
