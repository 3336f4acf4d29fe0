import { describe, expect, it } from '@jest/globals';
import { NotifierRpc } from './notifier.contract.js';
import { PARTIES, SERVICE_NAMES } from './parties.js';
import { AnyRunnerRpc, RunnerRpc } from './runner.contract.js';
import { SessionRpc } from './session.contract.js';
import { Topics } from './topics.js';

const parties = Object.values(PARTIES);

describe('the parties', () => {
  it('are the services, by the names of their processes', () => {
    expect(Object.keys(PARTIES).sort()).toEqual([...SERVICE_NAMES].sort());
  });

  it('have one who answers and one who asks for every request', () => {
    const rpcs = [SessionRpc, RunnerRpc, AnyRunnerRpc, NotifierRpc].flatMap((all) => Object.values(all));
    const odd = rpcs.filter((rpc) => parties.filter(({ answers }) => answers.includes(rpc.owner)).length !== 1 || !parties.some(({ asks }) => asks.includes(rpc)));
    expect(odd).toEqual([]);
  });

  it('have one who publishes and one who hears every topic', () => {
    const odd = Object.values(Topics).filter((topic) => parties.filter(({ publishes }) => publishes.includes(topic)).length !== 1 || !parties.some(({ hears }) => hears.includes(topic)));
    expect(odd).toEqual([]);
  });

  it('let only a runner claim runs and tell facts, and only session-service command runners', () => {
    const askers = (rpc: object): string[] => SERVICE_NAMES.filter((name) => PARTIES[name].asks.includes(rpc as never));
    expect([SessionRpc.claimRun, SessionRpc.heartbeat, SessionRpc.facts].map(askers)).toEqual([['provider-runner'], ['provider-runner'], ['provider-runner']]);
    const { metrics, ...commands } = RunnerRpc;
    expect(new Set(Object.values(commands).flatMap(askers))).toEqual(new Set(['session-service']));
    expect(askers(metrics)).toEqual(['api-gateway']);
  });
});
