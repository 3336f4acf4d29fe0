import { afterAll, beforeAll, describe } from '@jest/globals';
import { fileURLToPath } from 'node:url';
import type { Manifest } from '@orbitmesh/domain';
import { CLAUDE_CODE, claudeProviderEntry, installAgent, ModelStandIn, scenarioTag, type Scenario } from '@orbitmesh/testing';
import { describeDriverConformance, type ConformingDriver } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from '../../testing/runner-main.js';

const CHECKOUT = fileURLToPath(new URL('../../../../../', import.meta.url));

/** The program leaves by itself only when its stdin ends, with 0; and it goes on SIGTERM. Two of the suite's agents do otherwise. */
const WRAPPER = `case "$BEHAVIOUR" in
  exits) sed -u 2q | "$@"; exit 5;;
  stubborn) trap '' TERM; (setsid sh -c 'trap "" TERM; sleep 300' &); "$@"; while :; do sleep 1; done;;
  *) exec "$@";;
esac`;

const told = (scenario: Partial<Scenario>): string => scenarioTag({ say: '', tools: [], then: '', ...scenario });
const doing = (scenario: Partial<Scenario>, environment: Record<string, string> = {}): Partial<Manifest> => ({ prompt: told(scenario), environment });
const NUMBERED = Array.from({ length: 60 }, (_, n) => `numbered ${n + 1}/60\n`).join('');
const asking = { names: ['Bash'], args: { command: 'touch asked.txt && echo it was allowed', description: 'asks' } };

const driver: ConformingDriver = {
  runnerMain: RUNNER_MAIN,
  providers: {},
  provider: 'claude',
  // Two words a line. Slow enough to be broken off in the middle by whoever has seen the first.
  counting: doing({ then: NUMBERED, slowMs: 15 }),
  stubborn: doing({ then: 'escaped' }, { BEHAVIOUR: 'stubborn' }),
  exits: doing({ then: 'bye' }, { BEHAVIOUR: 'exits' }),
  saying: (text) => told({ then: text }),
  asking: { manifest: doing({ say: 'May I?', tools: [asking], then: 'I heard: {{result}}' }), allowed: /I heard: it was allowed/, denied: /I heard: The permission was denied: because of the test/ },
  continuing: { manifest: doing({ then: 'I remember {{before}} messages.' }), remembers: /I remember [1-9]\d* messages/ },
};

/** Some thirty starts of the real program, two seconds of a core each: `npm run test:agents` sets the variable. */
const withAgents = process.env.ORBITMESH_TEST_AGENTS === '1' ? describe : describe.skip;

withAgents(`claude-code ${CLAUDE_CODE.version}`, () => {
  let standIn: ModelStandIn;
  beforeAll(async () => {
    const script = await installAgent(CHECKOUT, CLAUDE_CODE);
    standIn = await ModelStandIn.start();
    const entry = claudeProviderEntry({ script, standInUrl: standIn.url });
    driver.providers = { claude: { ...entry, command: ['/bin/sh', '-c', WRAPPER, 'sh', ...entry.command], custom: { orbitmeshMcp: false } } };
  }, 300_000);
  afterAll(() => standIn?.close());

  describeDriverConformance('claude-code', driver);
});
