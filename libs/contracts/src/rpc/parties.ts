import { NotifierRpc } from './notifier.contract.js';
import type { Rpc, RpcOwner, Topic } from './rpc.js';
import { AnyRunnerRpc, RunnerRpc } from './runner.contract.js';
import { SessionRpc } from './session.contract.js';
import { Topics } from './topics.js';

/** The processes that meet on NATS; each is a user there by this name. */
export const SERVICE_NAMES = ['session-service', 'api-gateway', 'notifier', 'provider-runner'] as const;
export type ServiceName = (typeof SERVICE_NAMES)[number];

/** What one service has to do with the others: everything, so that NATS can refuse the rest (ADR-0030). */
export interface Party {
  /** Whose requests it serves. */
  answers: readonly RpcOwner[];
  asks: readonly Pick<Rpc<unknown, unknown>, 'owner' | 'name'>[];
  publishes: readonly Pick<Topic<unknown>, 'kind' | 'name'>[];
  hears: readonly Pick<Topic<unknown>, 'kind' | 'name'>[];
}

const { claimRun, heartbeat, facts, ...forPeople } = SessionRpc;
const { metrics: metricsOfRunner, ...forRunners } = RunnerRpc;
const feed = [Topics.committed, Topics.head];

export const PARTIES: Readonly<Record<ServiceName, Party>> = {
  'session-service': { answers: ['session'], asks: [...Object.values(forRunners), ...Object.values(AnyRunnerRpc)], publishes: feed, hears: [] },
  'api-gateway': { answers: [], asks: [...Object.values(forPeople), ...Object.values(NotifierRpc), metricsOfRunner], publishes: [], hears: feed },
  notifier: { answers: ['notifier'], asks: [SessionRpc.eventPage], publishes: [], hears: feed },
  'provider-runner': { answers: ['runner', 'anyRunner'], asks: [claimRun, heartbeat, facts], publishes: [], hears: [] },
};
