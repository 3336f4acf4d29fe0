import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Project } from '@orbitmesh/domain';
import { installAgent, ModelStandIn, MORE_REAL_AGENTS, REAL_AGENTS, type RealAgent } from '@orbitmesh/testing';
import { AgentTrial, reports } from '../support/agent-trial.js';
import { Scenario } from '../support/scenario.js';

/** `npm run test:agents` sets these: whether at all, which ones, and where it wants to read what came of it. */
const { ORBITMESH_TEST_AGENTS: enabled, ORBITMESH_TEST_AGENTS_NAMES: names = '', ORBITMESH_TEST_AGENTS_RESULTS: resultsFile } = process.env;
const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const AGENTS = names === '' ? REAL_AGENTS : [...REAL_AGENTS, ...MORE_REAL_AGENTS].filter(({ name }) => names.split(',').includes(name));
const TEST_MS_MAX = 400_000;
const FOR_EVER = (started: string): string => `echo yes > ${started} && tail -f /dev/null`;

/** What every agent is asked to show, in the order of the table's columns. @returns what there is to say beside "yes" */
const TRIALS: Readonly<Record<string, (trial: AgentTrial) => Promise<string>>> = {
  'asks, edits, reports, completes': async (trial) => {
    const { name } = trial.agent;
    const path = await trial.file(`${name}-work.txt`, 'before\n');
    const { id } = await trial.spawn({
      think: 'How shall I do it?', tools: [...trial.agent.edit({ path, before: 'before', after: 'after' }), reports(trial.agent, 'progress', 'The file is corrected.'), reports(trial.agent, 'completed', 'It is done.')],
    });
    const { session, asked } = await trial.ended(id);
    expect(session).toMatchObject({ status: 'completed', outcome: { code: 'completed', reported: true } });
    expect(asked).toBeGreaterThan(0);
    expect(trial.diff(`${name}-work.txt`)).toMatch(/^-before\n\+after$/m);
    expect(await trial.timeline(id)).toEqual(expect.arrayContaining(['progress', 'completed']));
    expect(session.metrics).toMatchObject({ tokensIn: expect.any(Number), tokensOut: expect.any(Number) });
    expect(Math.min(session.metrics.tokensIn, session.metrics.tokensOut)).toBeGreaterThan(0);
    await trial.nothingLeft(id);
    return `${session.metrics.tokensIn} + ${session.metrics.tokensOut} tokens${trial.agent.reportsByShell ? '; reports by its shell' : ''}`;
  },

  'permission denied': async (trial) => {
    const { name } = trial.agent;
    const path = await trial.file(`${name}-denied.txt`, 'before\n');
    const reason = `Nobody may change the file of ${name}.`;
    const { id } = await trial.spawn({ tools: trial.agent.edit({ path, before: 'before', after: 'after' }) }, { mode: 'interactive' });
    const { session, asked } = await trial.idle(id, { decision: 'deny', reason });
    expect([session.state, asked > 0]).toEqual(['running', true]);
    expect(await readFile(path, 'utf8')).toBe('before\n');
    await trial.talk(id, `I see: ${name}.`);
    expect(trial.wasTold(reason)).toBe(true);
    await trial.post(`/api/sessions/${id}/stop`);
    expect((await trial.ended(id)).session.status).toBe('completed');
    await trial.nothingLeft(id);
    return 'reads why';
  },

  'interrupt mid-tool': async (trial) => {
    const { name } = trial.agent;
    const started = await trial.place(`${name}-interrupted.txt`);
    const { id } = await trial.spawn({ tools: [trial.agent.shell(FOR_EVER(started))], then: 'never said' }, { mode: 'interactive' });
    await trial.atWork(id, started);
    const since = performance.now();
    await trial.post(`/api/sessions/${id}/interrupt`);
    await trial.idle(id);
    const seconds = (performance.now() - since) / 1_000;
    await trial.talk(id, `Back again: ${name}.`);
    await trial.post(`/api/sessions/${id}/stop`);
    await trial.ended(id);
    await trial.nothingLeft(id);
    return `${seconds.toFixed(1)} s`;
  },

  'SIGKILL mid-tool, continue': async (trial) => {
    const { name } = trial.agent;
    const started = await trial.place(`${name}-killed.txt`);
    const { id } = await trial.spawn({ say: `Remember this: ${name}.`, tools: [trial.agent.shell(FOR_EVER(started))] });
    await trial.atWork(id, started);
    await trial.killAgent(id);
    const { session } = await trial.ended(id);
    expect(session).toMatchObject({ state: 'error', status: 'failed' });
    await trial.nothingLeft(id);
    const directive = trial.told({ tools: [reports(trial.agent, 'completed', 'Done after all.')] });
    const answer = await trial.request(`/api/sessions/${id}/continue`, { name: 'Continued', initialDirective: directive });
    const { capabilities } = await trial.provider();
    if (!capabilities.continue) {
      expect(answer).toMatchObject({ status: 409, body: { code: 'NOT_SUPPORTED' } });
      return 'killed clean; cannot continue';
    }
    const { session: continued } = await trial.ended((answer.body as { id: string }).id);
    expect(continued).toMatchObject({ status: 'completed', outcome: { code: 'completed', reported: true } });
    expect(trial.lastRequestHas(`Remember this: ${name}.`)).toBe(true);
    return '';
  },

  'hostile repository': async (trial) => {
    const untrusted = await trial.inHostileRepository(false);
    expect([[], ['refused']]).toContainEqual(untrusted);
    const trusted = await trial.inHostileRepository(true);
    // Else nothing was planted that could have run.
    expect(trusted.length).toBeGreaterThan(0);
    const own = [...new Set(trusted.map((name) => name.split('-')[0]))];
    return `${untrusted.length === 0 ? 'nothing ran' : 'not begun'}; trusted: ${own.join(', ')}`;
  },

  '429 from the model': (trial) => refused(trial, 429, 'rate_limit'),
  '401 from the model': (trial) => refused(trial, 401, 'auth_required'),
};

async function refused(trial: AgentTrial, status: number, code: string): Promise<string> {
  const since = performance.now();
  const message = status === 401 ? 'Invalid API key provided.' : 'Too many requests.';
  const { id } = await trial.spawn({ fail: { status, message } });
  const { session } = await trial.ended(id);
  expect(session).toMatchObject({ status: 'failed', outcome: { code, message: expect.stringMatching(/\S/) } });
  await trial.nothingLeft(id);
  return `${((performance.now() - since) / 1_000).toFixed(0)} s`;
}

const whenEnabled = enabled === '1' ? describe : describe.skip;

whenEnabled('real agents, from POST /api/sessions/spawn', () => {
  const results: Record<string, { version: string | null; capabilities: Record<string, unknown>; trials: Record<string, { ok: boolean; detail: string }> }> = {};
  const scripts = new Map<string, string>();
  let standIn: ModelStandIn;
  let scenario: Scenario;
  let home: string;
  let project: Project;

  beforeAll(async () => {
    for (const agent of AGENTS) scripts.set(agent.name, await installAgent(CHECKOUT, agent.package));
    standIn = await ModelStandIn.start();
    // Beside the checkout's cache, not below the temporary directory: codex puts no helper programs there.
    await mkdir(join(CHECKOUT, '.cache'), { recursive: true });
    home = await mkdtemp(join(CHECKOUT, '.cache', 'agents-home-'));
    const own = await mkdtemp(join(tmpdir(), 'om-agents-'));
    const entries = AGENTS.map((agent) => [agent.name, agent.entry({ script: scripts.get(agent.name)!, standInUrl: standIn.url })] as const);
    await writeFile(join(home, 'providers.json'), JSON.stringify(Object.fromEntries(entries)), { mode: 0o600 });
    // Nothing of the person who tests: neither their logins nor their settings.
    scenario = await Scenario.start({ home, env: { HOME: own } });
    project = await scenario.project();
  }, 900_000);

  afterAll(async () => {
    if (resultsFile) await writeFile(resultsFile, JSON.stringify(results, null, 2));
    await scenario?.stop();
    await standIn?.close();
    if (home) await rm(home, { recursive: true, force: true });
  }, 120_000);

  const trialOf = (agent: RealAgent) => new AgentTrial(scenario, standIn, project, agent);

  describe.each(AGENTS)('$name $package.version', (agent) => {
    beforeAll(() => { results[agent.name] = { version: null, capabilities: {}, trials: {} }; });

    it('is found with its version', async () => {
      const { version, capabilities } = await trialOf(agent).provider();
      Object.assign(results[agent.name], { version, capabilities });
      expect(version).toContain(agent.package.version);
    }, TEST_MS_MAX);

    it.each(Object.keys(TRIALS))('%s', async (name) => {
      try {
        results[agent.name].trials[name] = { ok: true, detail: await TRIALS[name](trialOf(agent)) };
      } catch (error) {
        results[agent.name].trials[name] = { ok: false, detail: (error as Error).message.split('\n')[0].slice(0, 200) };
        throw error;
      }
    }, TEST_MS_MAX);
  });
});
