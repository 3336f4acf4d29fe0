import { fileURLToPath } from 'node:url';
import type { Manifest } from '@orbitmesh/domain';
import { describeDriverConformance } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from '../testing/runner-main.js';

const behave = (behaviour: string): Partial<Manifest> => ({ environment: { BEHAVIOUR: behaviour } });
const SCRIPT = `case "$BEHAVIOUR" in
  count) n=0; while [ $n -lt 60 ]; do n=$((n+1)); echo "numbered $n/60"; sleep 0.01; done; read -r prompt; while read -r line; do echo "$line"; done;;
  stubborn) trap '' TERM; (setsid sh -c 'trap "" TERM; sleep 300' &); echo escaped; while :; do sleep 1; done;;
  exit) exit 5;;
esac`;

describeDriverConformance('process', {
  runnerMain: RUNNER_MAIN,
  providers: { shell: { driver: 'process', command: ['/bin/sh', '-c', SCRIPT] } },
  provider: 'shell',
  // The runner's own specs of its recovery are of this driver.
  brief: true,
  counting: behave('count'),
  stubborn: behave('stubborn'),
  exits: behave('exit'),
  saying: (text) => text,
});

const DEMO_AGENT = fileURLToPath(new URL('../../dist/demo-agent/main.js', import.meta.url));
const demo = (prompt: string, options: Record<string, unknown>): Partial<Manifest> => ({
  prompt, initialDirective: prompt,
  provider: { type: 'demo', model: null, permissionMode: 'ask', mcpServers: [], custom: { demo: { noReport: true, ...options } } },
});

describeDriverConformance('acp', {
  runnerMain: RUNNER_MAIN,
  providers: { demonstration: { driver: 'acp', command: [process.execPath, DEMO_AGENT] } },
  provider: 'demonstration',
  counting: demo('Count', { noPermission: true, numbered: 60, delayMs: 10 }),
  stubborn: demo('Stay', { ignoreTerm: true, escape: true, hang: true }),
  exits: demo('Exit', { noPermission: true, exit: 5 }),
  saying: (text) => `say ${text}`,
  asking: { manifest: demo('Ask', {}), allowed: /Done\./, denied: /Nothing was written/ },
  continuing: { manifest: demo('recall', { noPermission: true }), remembers: /I remember this conversation: 1 turn/ },
});
