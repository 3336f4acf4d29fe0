import type { Manifest } from '@orbitmesh/domain';
import { describeDriverConformance } from '../testing/driver-conformance.js';

const process = (script: string) => ({ driver: 'process', command: ['/bin/sh', '-c', `case "$BEHAVIOUR" in ${script} esac`] });
const behave = (behaviour: string): Partial<Manifest> => ({ environment: { BEHAVIOUR: behaviour } });

describeDriverConformance('process', {
  providers: {
    shell: {
      ...process(`
        count) n=0; while [ $n -lt 60 ]; do n=$((n+1)); echo "numbered $n/60"; sleep 0.02; done; while read -r line; do echo "$line"; done;;
        stubborn) trap '' TERM; (setsid sh -c 'trap "" TERM; sleep 300' &); echo escaped; while :; do sleep 1; done;;
        exit) exit 5;;
      `),
      custom: { freeze: true },
    },
  },
  provider: 'shell',
  counting: behave('count'),
  stubborn: behave('stubborn'),
  exits: behave('exit'),
});

const demo = (options: Record<string, unknown>): Partial<Manifest> => ({
  provider: { type: 'demo', model: null, permissionMode: 'allow', mcpServers: [], custom: { demo: { noPermission: true, noReport: true, ...options } } },
});

describeDriverConformance('acp', {
  providers: {},
  provider: 'demo',
  counting: demo({ numbered: 60, delayMs: 20 }),
  stubborn: demo({ ignoreTerm: true, escape: true, hang: true }),
  exits: demo({ exit: 5 }),
});
