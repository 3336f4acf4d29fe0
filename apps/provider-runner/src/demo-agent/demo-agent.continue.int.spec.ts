import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Manifest, ProviderEntry } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { manifestOf, runContextOf } from '../drivers/testing/journaled-driver.js';
import { PipedAgent } from '../drivers/testing/piped-agent.js';
import { TimelineApi } from './testing/timeline-api.js';

const MAIN = fileURLToPath(new URL('../../dist/demo-agent/main.js', import.meta.url));
const ENTRY: ProviderEntry = { driver: 'acp', command: [process.execPath, MAIN] };

describe('the demo agent, going on with a conversation in another process', () => {
  let directory: string;
  let work: string;
  let state: string;
  let api: TimelineApi;
  let agents: PipedAgent[];

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'om-demo-'));
    [work, state] = ['work', 'state'].map((name) => join(directory, name));
    for (const path of [work, state]) mkdirSync(path);
    writeFileSync(join(work, 'a.ts'), '// TODO: more\n');
    api = await TimelineApi.start();
    agents = [];
  });

  afterEach(async () => {
    for (const agent of agents) await agent.end();
    await api.close();
    rmSync(directory, { recursive: true, force: true });
  });

  /** A session of its own, which goes on with `from` where there is one. */
  function launch(sessionId: string, directive: string, { from, demo = {}, env = {} }: { from?: string; demo?: object; env?: Record<string, string> } = {}): PipedAgent {
    const provider = { ...manifestOf().provider, custom: { demo: { noPermission: true, ...demo } } };
    const manifest: Manifest = manifestOf({ sessionId, provider, workingDir: work, initialDirective: directive, prompt: `# Directive\n\n${directive}` });
    const manifestPath = join(directory, `${sessionId}.json`);
    writeFileSync(manifestPath, JSON.stringify(manifest));
    const variables = {
      PATH: process.env.PATH, ORBITMESH_MANIFEST: manifestPath, ORBITMESH_SESSION_ID: sessionId, ORBITMESH_API_URL: api.url, ORBITMESH_TOKEN: 'oma_secret',
      ORBITMESH_AGENT_STATE: state, ...env,
    };
    const context = runContextOf({ sessionId, workingDir: work, entry: ENTRY, manifest, ...(from === undefined ? {} : { continueAgentSessionId: from }) });
    const agent = new PipedAgent(ENTRY, context, variables);
    agents.push(agent);
    return agent;
  }
  const turnEnded = (it: PipedAgent, n = 1) => eventually(() => it.driver.said('turn_ended')[n - 1], { what: `the end of turn ${n}`, timeoutMs: 20_000 });
  const refused = (it: PipedAgent) => eventually(() => it.driver.ended, { what: 'the refusal', timeoutMs: 20_000 });

  it('remembers what it did, says what is new, reports completed, and is the same conversation a third time', async () => {
    const first = launch('sess_1', 'Survey the repository');
    await turnEnded(first);
    await first.end();
    writeFileSync(join(work, 'b.ts'), '');

    const second = launch('sess_2', 'Look again', { from: 'demo-sess_1' });
    await turnEnded(second);

    expect(second.driver.sent('session')[0].method).toBe('session/resume');
    expect(second.driver.said('run_started')[0].agentSessionId).toBe('demo-sess_1');
    expect(second.output).toContain('I remember this conversation: 1 turn, the last one in the session sess_1.\n- "Survey the repository": Wrote orbitmesh-report-sess_1.md');
    expect(second.output).toContain('What I found then: 1 file, ');
    expect(second.output).toContain('Since then: 2 new files (b.ts, orbitmesh-report-sess_1.md), 0 gone.\n');
    expect(readFileSync(join(work, 'orbitmesh-report-sess_2.md'), 'utf8')).toContain('## What I remember\n\nI remember this conversation: 1 turn');
    expect(api.kinds().slice(-2)).toEqual(['progress', 'completed']);
    await second.end();

    const third = launch('sess_3', 'todos', { from: 'demo-sess_1' });
    await turnEnded(third);
    expect(third.output).toMatch(/2 turns, the last one in the session sess_2\.\n- "Survey the repository": .*\n- "Look again": .*\n/);
    expect(third.output).toContain('a.ts:1 TODO more\n');
    expect(api.received.at(-1)).toMatchObject({ kind: 'completed', message: 'Answered "todos"' });
    expect(readdirSync(state)).toEqual(['demo-sess_1.json']);
  });

  it('knows that it was broken off, by its own death or before its first turn', async () => {
    const first = launch('sess_1', 'Survey the repository', { demo: { crash: 'SIGKILL' } });
    await first.exited();
    const second = launch('sess_2', 'recall', { from: 'demo-sess_1' });
    await turnEnded(second);
    expect(second.output).toContain('- "Survey the repository": broken off\n');

    const stopped = launch('sess_3', 'never asked');
    await stopped.step((driver) => driver.stop());
    await eventually(() => stopped.driver.said('run_started')[0], { what: 'its start' });
    await stopped.end();
    const after = launch('sess_4', 'say here I am', { from: 'demo-sess_3' });
    await turnEnded(after);
    expect(after.output).toContain('nothing was said in it yet.\nhere I am\n');
  });

  it('fails the start where its conversation is missing or damaged, and begins no other', async () => {
    expect(await refused(launch('sess_2', 'go on', { from: 'demo-sess_1' }))).toBe('start_failed: The conversation demo-sess_1 cannot be gone on with: it is not, or no longer, kept on this runner.');
    writeFileSync(join(state, 'demo-sess_1.json'), '{"schemaVersion": 1, "id": "demo-se');
    expect(await refused(launch('sess_3', 'go on', { from: 'demo-sess_1' }))).toBe('start_failed: The conversation demo-sess_1 is damaged: its file is not JSON.');
    expect(await refused(launch('sess_4', 'go on', { from: '../demo-sess_1' }))).toBe('start_failed: This is not the id of a conversation of mine.');
    expect(readdirSync(state)).toEqual(['demo-sess_1.json']);
    expect(api.received).toEqual([]);
  });

  it('offers nothing, keeps nothing and tells no id where it has no place', async () => {
    const it = launch('sess_1', 'Survey the repository', { env: { ORBITMESH_AGENT_STATE: '' } });
    await turnEnded(it);
    expect(it.driver.said('run_started')[0].agentSessionId).toBeUndefined();
    expect(readdirSync(state)).toEqual([]);
    expect(await refused(launch('sess_2', 'go on', { from: 'demo-sess_1', env: { ORBITMESH_AGENT_STATE: '' } }))).toMatch(/^config_invalid: The agent cannot go on/);
  });

  it('works on where its conversation cannot be kept, and says so', async () => {
    const it = launch('sess_1', 'Survey the repository', { env: { ORBITMESH_AGENT_STATE: join(directory, 'nowhere') } });
    await turnEnded(it);
    expect(it.stderr).toContain('the conversation could not be kept: ENOENT');
    expect(api.kinds().at(-1)).toBe('completed');
  });

  it('repeats its history to a client that loads it, whole and before the answer', async () => {
    const first = launch('sess_1', 'say hello', { demo: { noReport: true } });
    await turnEnded(first);
    await first.step((driver) => driver.input({ inputId: 'inp_1', text: 'say good bye' }));
    await turnEnded(first, 2);
    await first.end();

    const child = spawn(process.execPath, [MAIN], { env: { PATH: process.env.PATH, ORBITMESH_AGENT_STATE: state, ORBITMESH_SESSION_ID: 'sess_2' }, stdio: 'pipe' });
    try {
      const frames: { id?: string; params?: { sessionId: string; update: { sessionUpdate: string; content: { text: string } } } }[] = [];
      createInterface({ input: child.stdout }).on('line', (line) => frames.push(JSON.parse(line)));
      const request = async (id: string, method: string, params: object): Promise<void> => {
        child.stdin.write(`${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);
        await eventually(() => frames.some((frame) => frame.id === id), { what: `the answer to ${method}`, timeoutMs: 20_000 });
      };
      await request('1', 'initialize', { protocolVersion: 1 });
      await request('2', 'session/load', { sessionId: 'demo-sess_1', cwd: work, mcpServers: [] });
      expect(frames.at(-1)).toEqual({ jsonrpc: '2.0', id: '2', result: {} });

      expect(frames.map(({ id, params }) => id ?? params!.update.sessionUpdate)).toEqual([
        '1', 'user_message_chunk', 'agent_message_chunk', 'user_message_chunk', 'agent_message_chunk', '2',
      ]);
      expect(frames.map(({ params }) => params?.update.content.text)).toEqual([undefined, '# Directive\n\nsay hello', expect.stringContaining('Looking through'), 'say good bye', 'good bye\n', undefined]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
