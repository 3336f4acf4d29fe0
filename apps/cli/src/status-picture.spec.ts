import { describe, expect, it } from '@jest/globals';
import type { Readiness, RunnerView } from '@orbitmesh/contracts';
import { pictureOf, type Seen } from './status-picture.js';

const NAMES = ['nats', 'session-service', 'api-gateway', 'notifier', 'provider-runner/slot-0'];
const ALL = { gateway: true, sessionService: true, runners: 1, notifier: true };
const ready = (checks: Partial<Readiness['checks']> = {}): Readiness => ({ ready: Object.keys(checks).length === 0, checks: { ...ALL, ...checks } });
const runner = (state = 'connected', id = 'slot-0') => ({ id, state }) as RunnerView;
const services = (states: Record<string, string> = {}) => Object.fromEntries(NAMES.map((name, n) => [name, { pid: n + 1, startTime: 't', state: states[name] ?? 'ready', restarts: 0 }]));
const seen = (more: Partial<Seen> = {}): Seen => ({ readiness: ready(), runners: [runner()], services: services(), isAlive: () => true, ...more });
const told = (more: Partial<Seen>) => {
  const { ready: isReady, services: states, missing } = pictureOf(seen(more));
  return [isReady, missing, Object.entries(states ?? {}).filter(([, { state }]) => state !== 'ready').map(([name, { state }]) => `${name} ${state}`)];
};

describe('what status shows', () => {
  it.each<[string, Partial<Seen>, ReturnType<typeof told>]>([
    ['everything at work', {}, [true, [], []]],
    ['a stack elsewhere', { services: null, runners: [] , readiness: ready({ runners: 0 }) }, [false, ['no runner is connected'], []]],
    ['a gateway that does not answer: nobody knows of the others', { readiness: null, runners: null }, [false, ['api-gateway does not answer'], ['nats started', 'session-service started', 'api-gateway silent', 'notifier started', 'provider-runner/slot-0 started']]],
    ['a gateway elsewhere that does not answer', { readiness: null, runners: null, services: null }, [false, ['the gateway does not answer'], []]],
    ['a frozen session-service, whose launcher calls it ready', { readiness: ready({ sessionService: false, runners: 0 }), runners: null }, [false, ['session-service does not answer'], ['session-service silent', 'provider-runner/slot-0 started']]],
    ['a killed runner that is believed to be connected for a moment', { services: services({ 'provider-runner/slot-0': 'waiting' }) }, [false, ['provider-runner/slot-0 died and is started again'], ['provider-runner/slot-0 waiting']]],
    ['a process that is gone before its launcher knows', { isAlive: ({ pid }) => pid !== 5 }, [false, ['provider-runner/slot-0 is gone'], ['provider-runner/slot-0 gone']]],
    ['a runner that is gone while another one works', { isAlive: ({ pid }) => pid !== 5, readiness: { ready: true, checks: { ...ALL, runners: 2 } }, runners: [runner(), runner('connected', 'slot-1')] }, [true, [], ['provider-runner/slot-0 gone']]],
    ['a runner that session-service does not hear', { readiness: ready({ runners: 0 }), runners: [runner('lost')] }, [false, ['provider-runner/slot-0 does not answer'], ['provider-runner/slot-0 silent']]],
    ['a runner in trouble', { readiness: ready({ runners: 0 }), runners: [runner('impaired')] }, [false, ['provider-runner/slot-0 cannot serve at the moment'], ['provider-runner/slot-0 not_ready']]],
    ['a suspended one', { services: services({ nats: 'frozen' }), readiness: ready({ gateway: false, sessionService: false, runners: 0, notifier: false }), runners: null }, [false, ['nats is suspended', 'session-service does not answer', 'api-gateway cannot serve at the moment'], ['nats frozen', 'session-service silent', 'api-gateway not_ready', 'notifier silent', 'provider-runner/slot-0 started']]],
    ['a notifier that is away, which nobody waits for', { readiness: { ready: true, checks: { ...ALL, notifier: false } } }, [true, [], ['notifier silent']]],
  ])('of %s', (_name, more, picture) => {
    expect(told(more)).toEqual(picture);
  });
});
