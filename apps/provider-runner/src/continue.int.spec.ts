import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { RunnerRpc, type StartRun } from '@orbitmesh/contracts';
import type { Manifest, ProviderInfo } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { RunnerWorld } from '@orbitmesh/testing/provider-conformance';
import { RUNNER_MAIN } from './testing/runner-main.js';

describe('a runner whose agents go on with earlier conversations', () => {
  let world: RunnerWorld;
  let userHome: string;
  const state = (...names: string[]): string => join(world.home, 'provider-runner/slot-0/agents', ...names);

  beforeAll(async () => {
    world = await RunnerWorld.create(RUNNER_MAIN);
    userHome = join(world.home, '..', 'user');
    mkdirSync(userHome);
    world.providers({
      shell: { driver: 'process', command: ['/bin/sh', '-c', 'echo "state: $ORBITMESH_AGENT_STATE"; echo note > "$ORBITMESH_AGENT_STATE/note"'] },
      fragile: { driver: 'acp', command: ['/bin/true'], custom: { acp: { continue: false } } },
      wrong: { driver: 'acp', command: ['/bin/true'], custom: { acp: { continue: 'perhaps' } } },
      linked: { driver: 'process', command: ['/bin/true'] },
    });
    await world.startRunner({ HOME: userHome });
  }, 30_000);
  afterAll(() => world.close());

  function demo(prompt: string, from?: string, conversationId = 'sess_other'): Promise<StartRun> {
    const manifest: Partial<Manifest> = {
      mode: 'interactive', prompt, initialDirective: prompt,
      provider: { type: 'demo', model: null, permissionMode: 'allow', mcpServers: [], custom: { demo: { noPermission: true, noReport: true } } },
    };
    return world.start('demo', { manifest, request: from === undefined ? {} : { continueAgentSessionId: from, conversationId } });
  }

  async function stopped({ runId, ...run }: StartRun, turns: number): Promise<void> {
    await eventually(() => world.session.factsOf(runId, 'turn_ended').length === turns, { what: 'its turns', timeoutMs: 20_000 });
    await world.session.bus.request(RunnerRpc.stop, { ...run, runId, reason: 'test' }, { runnerId: 'slot-0' });
    await world.ended(runId);
  }

  it('finds it in a new run, also after the runner was started anew, and writes nowhere else', async () => {
    const first = await demo('Survey the directory');
    await stopped(first, 1);
    const { agentSessionId } = world.session.factsOf(first.runId, 'run_started')[0];
    await world.killRunner();
    rmSync(world.dirOf(first.runId), { recursive: true });
    await world.startRunner({ HOME: userHome });

    const second = await demo('recall', agentSessionId, first.sessionId);
    await stopped(second, 1);

    expect(world.session.factsOf(second.runId, 'run_started')[0].agentSessionId).toBe(agentSessionId);
    expect(world.session.output(second.runId, 'agent')).toMatch(/^I remember this conversation: 1 turn, the last one in the session .*\n- "Survey the directory": Wrote /);
    expect(readdirSync(state('demo'))).toEqual([first.sessionId]);
    expect(readdirSync(state('demo', first.sessionId))).toEqual([`${agentSessionId}.json`]);
    for (const path of [state(), state('demo'), state('demo', first.sessionId)]) expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(userHome)).toEqual([]);
    expect(readdirSync(world.workingDir).filter((name) => !name.startsWith('orbitmesh-report-'))).toEqual([]);
  }, 60_000);

  it('says start_failed, and why, where the conversation is gone', async () => {
    const { runId } = await demo('go on', 'demo-sess_never');
    expect(await world.ended(runId)).toEqual({ type: 'start_failed', code: 'start_failed', message: expect.stringMatching(/^The conversation demo-sess_never cannot be gone on with/) });
    expect(world.session.factsOf(runId, 'run_started')).toEqual([]);
    expect(await world.left(runId)).toEqual([]);
  }, 30_000);

  it('gives every conversation a place of its own, and follows no link to it', async () => {
    const { runId, sessionId } = await world.start('shell');
    await world.ended(runId);
    expect(world.session.output(runId)).toBe(`state: ${state('shell', sessionId)}\n`);
    expect(readdirSync(state('shell', sessionId))).toEqual(['note']);

    symlinkSync(userHome, state('linked'));
    const linked = await world.start('linked');
    expect(await world.ended(linked.runId)).toMatchObject({ type: 'start_failed', code: 'config_invalid', message: expect.stringContaining('links are not followed') });
    expect(readdirSync(userHome)).toEqual([]);
  }, 30_000);

  it('tells which of its providers can', async () => {
    const lookedAt = ({ detail }: ProviderInfo): boolean => detail !== 'It was not looked at yet.';
    const { providers } = await eventually(() => world.session.heartbeats.findLast((heartbeat) => heartbeat.providers.every(lookedAt)), { what: 'a look at each provider' });
    expect(Object.fromEntries(providers.map(({ name, capabilities }) => [name, capabilities.continue]))).toEqual({ demo: true, shell: false, fragile: false, wrong: false, linked: false });
  });
});
