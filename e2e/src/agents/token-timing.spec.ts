import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { request, Agent } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { Mail, SessionView, Task } from '@orbitmesh/domain';
import { eventually, inFull } from '@orbitmesh/testing';
import { Scenario } from '../support/scenario.js';

/** Of each of two requests, in turns. */
const ROUNDS = 2_000;
/** How often the one may be slower than the other, from one half: five times what chance makes of so many rounds. */
const LEAN_MAX = 5 * Math.sqrt(1 / (6 * ROUNDS));
const GIVES_TOKEN = "require('fs').writeFileSync('token-' + process.env.ORBITMESH_SESSION_ID, process.env.ORBITMESH_TOKEN); setInterval(() => {}, 1000)";
const MISSING = '00000000000000000000000000';

/** Long, and of a machine that does nothing else: `npm run test:faults -- --rest token-timing`. */
describe('how long a refusal takes', () => {
  let home: string;
  let scenario: Scenario;
  let agent: string;
  let other: { task: Task; session: SessionView; mail: Mail };
  const connection = new Agent({ keepAlive: true, maxSockets: 1 });

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'om-home-'));
    await writeFile(join(home, 'providers.json'), JSON.stringify({ open: { driver: 'process', command: [process.execPath, '-e', GIVES_TOKEN] } }), { mode: 0o600 });
    scenario = await Scenario.start({ home, env: { ORBITMESH_AGENT_RATE: '0', ORBITMESH_REFUSED_RATE: '0' } });
    const self = await scenario.spawn((await scenario.project()).id, { providerType: 'open' });
    const elsewhere = await scenario.project({ name: 'Other', workingDir: await scenario.anotherRepository() });
    const session = await scenario.spawn(elsewhere.id, { providerType: 'open' });
    other = { session, task: await scenario.task(elsewhere.id), mail: await scenario.api.post<Mail>('/api/mail', { toSessionId: session.id, body: 'x' }) };
    agent = await eventually(() => readFile(join(scenario.repository, `token-${self.id}`), 'utf8'), { what: 'a token', timeoutMs: 60_000 });
  }, 120_000);
  afterAll(async () => {
    connection.destroy();
    await scenario.stop();
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  inFull('says nothing of whether what is another project\'s is there', async () => {
    const leans: [string, number][] = [];
    for (const [path, id] of [['/api/tasks', other.task.id], ['/api/sessions', other.session.id], ['/api/mail', other.mail.id]]) {
      const missing = `${path}/${id.split('_')[0]}_${MISSING}`;
      leans.push([path, await leanOf(() => took(`${path}/${id}`, agent, 404), () => took(missing, agent, 404))]);
    }

    told(leans);
  }, 300_000);

  inFull('says nothing of how much of a token is right', async () => {
    const { token } = scenario.stack;
    const wrong = (at: number): string => token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
    const leans: [string, number][] = [];
    for (const [whose, near, far] of [['the owner\'s', wrong(token.length - 2), wrong(4)], ['an agent\'s', `${agent.slice(0, -2)}AA`, `${agent.slice(0, -43)}${'A'.repeat(43)}`]]) {
      leans.push([whose, await leanOf(() => took('/api/runners', near, 401), () => took('/api/runners', far, 401))]);
    }

    told(leans);
  }, 300_000);

  /** Seen by whoever runs this, also where it is as it should be. */
  function told(leans: [string, number][]): void {
    process.stderr.write(`${leans.map(([name, lean]) => `${name}: ${lean.toFixed(4)} of at most ±${LEAN_MAX.toFixed(4)}\n`).join('')}`);
    expect(leans.filter(([, lean]) => Math.abs(lean) > LEAN_MAX)).toEqual([]);
  }

  /** How much more often than one half the first takes longer than the second (the area under Mann and Whitney's curve, less one half). */
  async function leanOf(one: () => Promise<number>, another: () => Promise<number>): Promise<number> {
    const times: [ms: number, first: boolean][] = [];
    for (let n = 0; n < ROUNDS; n += 1) {
      // Whoever goes first may find the machine in another mood.
      for (const first of n % 2 === 0 ? [true, false] : [false, true]) times.push([await (first ? one : another)(), first]);
    }
    times.sort(([a], [b]) => a - b);
    const ranks = times.reduce((sum, [, first], n) => (first ? sum + n + 1 : sum), 0);
    return (ranks - ROUNDS * (ROUNDS + 1) / 2) / (ROUNDS * ROUNDS) - 0.5;
  }

  function took(path: string, token: string, status: number): Promise<number> {
    const { hostname, port } = new URL(scenario.stack.url);
    return new Promise((resolve, reject) => {
      const since = performance.now();
      const outgoing = request({ hostname, port, path, agent: connection, headers: { authorization: `Bearer ${token}` } }, (answer) => {
        if (answer.statusCode !== status) reject(new Error(`${path}: ${answer.statusCode}`));
        answer.resume().on('end', () => resolve(performance.now() - since));
      });
      outgoing.on('error', reject);
      outgoing.end();
    });
  }
});
