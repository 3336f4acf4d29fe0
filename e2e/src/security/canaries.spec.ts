import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Project } from '@orbitmesh/domain';
import type { Webhook } from '@orbitmesh/contracts';
import { eventually, installAgent, ModelStandIn, REAL_AGENTS, TestNats } from '@orbitmesh/testing';
import { AgentTrial } from '../support/agent-trial.js';
import { pageAll } from '../support/feed.js';
import { Scenario } from '../support/scenario.js';
import { Canaries } from './canaries.js';
import { openTo } from './open-files.js';

const CHECKOUT = fileURLToPath(new URL('../../../', import.meta.url));
const REAL = process.env.ORBITMESH_TEST_AGENTS === '1';
const canary = (what: string): string => `canary-${what}-"${randomBytes(9).toString('base64')}" ü`;
/** Tells all that it knows, in every way that comes to mind, in pieces; then waits for a file. */
const TELLER = `
const { existsSync } = require('node:fs');
require('node:child_process').spawnSync('orbitmesh', ['report', 'progress', 'It is ' + process.env.SESSION_KEY + ' and ' + process.env.MODEL_KEY]);
const texts = Object.values(process.env).flatMap((value) => [value, JSON.stringify({ value }), encodeURIComponent(value), Buffer.from(value).toString('base64'), Buffer.from('user:' + value).toString('base64'), Buffer.from(value).toString('hex'), value.replace(/.{12}/g, '$&\\n')]);
const all = texts.join(' ;; ') + '\\n' + 'all was told\\n';
for (let at = 0; at < all.length; at += 7) process.stdout.write(all.slice(at, at + 7));
process.stderr.write(texts.join('\\n') + '\\n');
const timer = setInterval(() => { if (existsSync(process.argv[1])) clearInterval(timer); }, 20);
`;

describe('secrets that were put wherever one can be put', () => {
  let nats: TestNats;
  let scenario: Scenario;
  let home: string;
  let place: string;
  let project: Project;
  let canaries: Canaries;
  let standIn: ModelStandIn | undefined;

  beforeAll(async () => {
    nats = await TestNats.start();
    await mkdir(join(CHECKOUT, '.cache'), { recursive: true });
    // Real agents put no helper programs below the temporary directory.
    home = await mkdtemp(join(REAL ? join(CHECKOUT, '.cache') : tmpdir(), 'om-canaries-'));
    place = await mkdtemp(join(tmpdir(), 'om-place-'));
    const [ofEnvironment, ofFile, ofProvider] = ['environment', 'file', 'provider'].map(canary);
    await writeFile(join(place, 'secret'), `${ofFile}\n`);
    standIn = REAL ? await ModelStandIn.start() : undefined;
    const entries = REAL ? await Promise.all(REAL_AGENTS.map(async (agent) => [agent.name, agent.entry({ script: await installAgent(CHECKOUT, agent.package), standInUrl: standIn!.url })] as const)) : [];
    const providers = {
      teller: { driver: 'process', command: [process.execPath, '-e', TELLER, join(place, 'go')] },
      ...Object.fromEntries(entries),
    };
    const withKey = Object.fromEntries(Object.entries(providers).map(([name, entry]) => [name, { ...entry, secrets: { ...('secrets' in entry ? entry.secrets as object : {}), MODEL_KEY: 'env:CANARY_PROVIDER' } }]));
    await writeFile(join(home, 'providers.json'), JSON.stringify(withKey), { mode: 0o600 });
    canaries = new Canaries({ ofEnvironment, ofFile, ofProvider });
    await canaries.listen(nats.url);
    scenario = await Scenario.start({ home, natsUrl: nats.url, env: { CANARY_ENVIRONMENT: ofEnvironment, CANARY_PROVIDER: ofProvider } });
    project = await scenario.project();
  }, 300_000);
  afterAll(async () => {
    await scenario?.stop();
    await canaries?.close();
    await nats?.stop();
    await standIn?.close();
    for (const path of [home, place]) if (path) await rm(path, { recursive: true, force: true });
  }, 60_000);

  const SECRETS = { SESSION_KEY: 'env:CANARY_ENVIRONMENT', get FILE_KEY() { return `file:${join(place, 'secret')}`; } };
  const told = async (): Promise<string> => JSON.stringify(await pageAll((path) => scenario.api.get(path)));

  it('are in no file, log, event, message or command line, whatever an agent tells', async () => {
    const webhook = await scenario.api.post<Webhook>('/api/webhooks', { url: 'http://127.0.0.1:9/', projectId: project.id });
    const { secret } = await scenario.api.get<{ secret: string }>(`/api/webhooks/${webhook.id}/secret`);
    const { id } = await scenario.spawn(project.id, { providerType: 'teller', secrets: SECRETS });
    await eventually(async () => (await told()).includes('all was told'), { what: 'all that it has to tell', timeoutMs: 30_000 });
    // Our own: no reference, but not to be found either, except where it is kept.
    const ours = new Canaries({ admin: scenario.stack.token, webhook: secret });
    for (const which of [canaries, ours]) expect(await which.inCommandLines()).toEqual([]);
    await writeFile(join(place, 'go'), '');
    expect((await scenario.ended(id)).outcome?.code).toBe('finished');

    const events = await told();
    expect(events).toContain('[redacted]');
    expect(events).toContain('It is [redacted] and [redacted]');
    expect([...canaries.in(events), ...ours.in(events)]).toEqual([]);
    expect(await canaries.inFiles(home)).toEqual([]);
    expect(await ours.inFiles(home)).toEqual([`admin in ${join(home, 'api-gateway/admin.token')}`]);
    const { found, messages } = await canaries.onWire();
    expect({ found, many: messages > 20 }).toEqual({ found: [], many: true });
    // Its secret is the answer to whoever asks for it.
    expect((await canaries.onWire(ours)).found).toEqual(['webhook']);
    expect([...canaries.in(scenario.stack.output), ...ours.in(scenario.stack.output)]).toEqual([]);
    // It told them, and that is kept for its owner.
    const raw = await readFile(join(home, 'provider-runner/slot-0/runs', (await scenario.session(id)).run!.runId, 'out'));
    expect(canaries.in(raw).sort()).toEqual(['ofEnvironment', 'ofFile', 'ofProvider']);
  }, 90_000);

  it('are refused where they would be kept by value', async () => {
    for (const body of [{ environment: { API_KEY: 'x' } }, { secrets: { API_KEY: 'x' } }, { mcpServers: [{ name: 'm', command: '/bin/true', env: { API_TOKEN: 'x' } }] }]) {
      expect(await scenario.api.request('POST', '/api/sessions/spawn', { body: { projectId: project.id, initialDirective: 'x', ...body } })).toMatchObject({ status: 400, body: { code: 'SECRET_BY_VALUE' } });
    }
  });

  it('are in a home that is for its owner alone, down to its last file', async () => {
    await scenario.ended((await scenario.spawn(project.id)).id);
    const { files, open } = await openTo(home);
    expect({ many: files > 20, open }).toEqual({ many: true, open: [] });
  }, 60_000);

  (REAL ? describe.each(REAL_AGENTS) : describe.skip.each([...REAL_AGENTS]))('with $name', (agent) => {
    it('are in none of these places either, with a server that tells them as well', async () => {
      const trial = new AgentTrial(scenario, standIn!, project, agent);
      const server = { name: 'teller', command: process.execPath, args: ['-e', 'process.stderr.write(JSON.stringify(process.env)); process.exit(1)'] };
      const { id } = await trial.spawn({ say: 'I look.', tools: [agent.shell('env; env | base64; orbitmesh report progress "It is $SESSION_KEY"'), agent.shell('orbitmesh report completed "It is told."')] }, { secrets: SECRETS, mcpServers: [server] });
      const commands = canaries.inCommandLines();
      const { session } = await trial.ended(id);
      expect(session.status).toBe('completed');
      expect(await commands).toEqual([]);
      expect(canaries.in(await told())).toEqual([]);
      expect(await canaries.inFiles(home)).toEqual([]);
      expect((await canaries.onWire()).found).toEqual([]);
      expect(existsSync(join(home, 'session-service'))).toBe(true);
    }, 400_000);
  });
});
