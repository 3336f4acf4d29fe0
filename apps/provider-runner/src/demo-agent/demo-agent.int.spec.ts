import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Manifest, ProviderEntry } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { acpDriver } from '../drivers/acp/acp.driver.js';
import type { AcpState } from '../drivers/acp/acp-state.js';
import { manifestOf, runContextOf } from '../drivers/testing/journaled-driver.js';
import { mcpServersOf } from '../run/mcp-servers.js';
import { PipedAgent } from '../drivers/testing/piped-agent.js';
import { TimelineApi } from './testing/timeline-api.js';

const MAIN = fileURLToPath(new URL('../../dist/demo-agent/main.js', import.meta.url));
const ENTRY: ProviderEntry = { driver: 'acp', command: [process.execPath, MAIN], custom: { acp: { versionArgs: ['--version'] } } };
const TASK = { id: 'task_1', title: 'Look', description: 'Look around.', acceptanceCriteria: ['A report is there'], priority: 'high', dependencies: [] };
/** An MCP server as small as it can be: it answers initialize. */
const MCP_SERVER = `process.stdin.on('data', (text) => { const { id } = JSON.parse(text); console.log(JSON.stringify({ jsonrpc: '2.0', id, result: { protocolVersion: '2025-06-18', capabilities: {}, serverInfo: { name: 'tiny', version: '9' } } })); })`;

const WITHOUT_OURS = { ...ENTRY, custom: { orbitmeshMcp: false } };

describe('the demo agent, driven by the acp driver', () => {
  let directory: string;
  let repository: string;
  let api: TimelineApi;
  let agent: PipedAgent | undefined;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'om-demo-'));
    repository = join(directory, 'repo');
    mkdirSync(repository);
    execFileSync('git', ['init', '-q', repository]);
    writeFileSync(join(repository, 'README.md'), '# Hello\n');
    writeFileSync(join(repository, 'a.ts'), '// TODO: more\n');
    api = await TimelineApi.start();
  });

  afterEach(async () => {
    await agent?.end();
    agent = undefined;
    await api.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function launch(demo: Record<string, unknown> = {}, change: Partial<Manifest> = {}, env: Record<string, string> = {}): PipedAgent {
    const provider = { ...manifestOf().provider, custom: { demo, colour: 'green' }, ...change.provider };
    const manifest = manifestOf({ tasks: [TASK], ...change, provider, workingDir: repository });
    const manifestPath = join(directory, 'manifest.json');
    writeFileSync(manifestPath, JSON.stringify(manifest));
    const variables = { PATH: process.env.PATH, ORBITMESH_MANIFEST: manifestPath, ORBITMESH_SESSION_ID: 'sess_1', ORBITMESH_API_URL: api.url, ORBITMESH_TOKEN: 'oma_secret', ...env };
    agent = new PipedAgent(ENTRY, runContextOf({ workingDir: repository, entry: ENTRY, manifest, mcpServers: mcpServersOf(manifest, WITHOUT_OURS, { cli: '/none' }, {}) }), variables);
    return agent;
  }

  const report = () => join(repository, 'orbitmesh-report-sess_1.md');
  const asked = (it: PipedAgent) => eventually(() => it.driver.said('approval_requested')[0], { what: 'the permission request' });
  const turnEnded = (it: PipedAgent, n = 1) => eventually(() => it.driver.said('turn_ended')[n - 1], { what: `the end of turn ${n}`, timeoutMs: 20_000 });
  async function allow(it: PipedAgent, optionId = 'allow'): Promise<void> {
    const { approvalId } = await asked(it);
    await it.step((driver) => driver.answerApproval({ approvalId, optionId }));
  }

  it('is installed, with a version', async () => {
    expect(await acpDriver.detect(ENTRY)).toEqual({ installed: true, version: '0.1.0', detail: null });
    expect(await acpDriver.detect({ driver: 'acp', command: ['/nowhere/agent'] })).toMatchObject({ installed: false });
  });

  it('surveys, asks, writes its report, counts tokens, and reports through the API', async () => {
    const it = launch();
    await asked(it);
    expect(existsSync(report())).toBe(false);
    await allow(it);
    expect((await turnEnded(it)).stopReason).toBe('end_turn');

    expect(readFileSync(report(), 'utf8')).toContain('- [ ] A report is there');
    expect(readFileSync(report(), 'utf8')).toContain('`a.ts:1` TODO more');
    expect(it.driver.said('tool_call').map(({ kind, status }) => `${kind} ${status}`)).toEqual([
      'search in_progress', 'search completed', 'read in_progress', 'read completed', 'edit in_progress', 'edit pending', 'edit completed',
    ]);
    expect(it.driver.said('plan').length).toBeGreaterThan(1);
    expect(it.driver.said('metric')[0].tokensOut).toBeGreaterThan(100);
    expect(api.kinds()).toEqual(['task_started', 'progress', 'task_completed', 'completed']);
    expect(api.received[2]).toMatchObject({ taskId: 'task_1', authorization: 'Bearer oma_secret' });

    it.child.stdin.end();
    expect(await it.exited()).toEqual({ code: 0, signal: null });
  });

  it('shows what of the request reached it, and never a secret', async () => {
    const mcpServers = [{ name: 'tiny', command: process.execPath, args: ['-e', MCP_SERVER], env: {} }, { name: 'broken', command: '/nowhere/mcp', args: [], env: {} }];
    const provider = { ...manifestOf().provider, mcpServers, custom: { demo: {}, colour: 'green' } };
    const it = launch({}, { systemPrompt: 'Be kind.', environment: { LEVEL: 'five' }, secrets: { DB_PASSWORD: 'env:X', NOT_THERE: 'env:Y' }, provider }, { DB_PASSWORD: 'hunter2' });
    await allow(it);
    await turnEnded(it);
    for (const line of [
      '- systemPrompt: in my first prompt: Be kind.', '- environment LEVEL: five', '- secret DB_PASSWORD: set', '- secret NOT_THERE: missing',
      '- mcpServer tiny: initialized as tiny 9', '- mcpServer broken: could not be initialized', '- custom colour: "green"',
    ]) expect(readFileSync(report(), 'utf8')).toContain(line);
    expect(it.output).toMatch(/this did not reach me: secret NOT_THERE, .*mcpServer broken\.\n/);
    for (const text of [readFileSync(report(), 'utf8'), it.output]) {
      expect(text).not.toContain('hunter2');
      expect(text).not.toContain('oma_secret');
    }
  });

  it('reports failed and writes nothing when it is denied', async () => {
    const it = launch();
    await allow(it, 'deny');
    await turnEnded(it);
    expect(existsSync(report())).toBe(false);
    expect(it.output).toContain('Nothing was written.');
    expect(it.driver.said('tool_call').at(-1)).toMatchObject({ kind: 'edit', status: 'failed' });
    expect(api.received.at(-1)).toMatchObject({ kind: 'failed', message: 'Not allowed to write orbitmesh-report-sess_1.md' });
    expect(api.kinds().slice(-2)).toEqual(['task_failed', 'failed']);
  });

  it('answers prompts after the first, also in a directory without git', async () => {
    rmSync(join(repository, '.git'), { recursive: true });
    const it = launch({ noPermission: true });
    await turnEnded(it);
    for (const [index, text] of ['count', 'say good bye', 'what?'].entries()) {
      await it.step((driver) => driver.input({ inputId: `inp_${index}`, text }));
      await turnEnded(it, index + 2);
    }
    expect(it.output).toMatch(/3 files, \d+ bytes\n/);
    expect(it.output).toContain('good bye\n');
    expect(it.output).toContain('I answer: ls');
  });

  it('is interrupted while it waits for permission, and works again afterwards', async () => {
    const it = launch();
    await asked(it);
    await it.step((driver) => driver.interrupt());
    expect((await turnEnded(it)).stopReason).toBe('cancelled');
    expect(existsSync(report())).toBe(false);
    await it.step((driver) => driver.input({ inputId: 'inp_1', text: 'work' }));
    const { approvalId } = await eventually(() => it.driver.said('approval_requested')[1], { what: 'the second question' });
    await it.step((driver) => driver.answerApproval({ approvalId, optionId: 'allow' }));
    await turnEnded(it, 2);
    expect(existsSync(report())).toBe(true);
  });

  it.each<[string, ('answer' | 'cancel')[]]>([['before', ['answer', 'cancel']], ['after', ['cancel', 'answer']]])('is cancelled, not denied, where the answer comes %s the cancel', async (_order, order) => {
    const it = launch();
    await asked(it);
    let requestId: unknown;
    await it.step((driver) => { requestId = (driver.snapshot() as unknown as AcpState).approvals[0].requestId; });
    // On the wire itself: which of the two is handled first is the agent's own affair, however the driver writes them.
    const messages = {
      answer: { jsonrpc: '2.0', id: requestId, result: { outcome: { outcome: 'cancelled' } } },
      cancel: { jsonrpc: '2.0', method: 'session/cancel', params: { sessionId: 'demo-sess_1' } },
    };
    it.child.stdin.write(order.map((name) => `${JSON.stringify(messages[name])}\n`).join(''));
    expect((await turnEnded(it)).stopReason).toBe('cancelled');
    expect(it.output).not.toContain('Nothing was written');
    expect(api.kinds()).toEqual(['task_started', 'progress']);
  });

  it('asks for input and works with the answer', async () => {
    const it = launch({ askInput: true, noPermission: true });
    await turnEnded(it);
    expect(api.kinds()).toEqual(['task_started', 'needs_input']);
    await it.step((driver) => driver.input({ inputId: 'inp_1', text: 'forty-two' }));
    await turnEnded(it, 2);
    expect(readFileSync(report(), 'utf8')).toContain('> forty-two');
    expect(api.kinds().at(-1)).toBe('completed');
  });

  it('works on while the API is away, and reports when it is back', async () => {
    const { port } = api;
    await api.close();
    const it = launch({ noPermission: true });
    await eventually(() => existsSync(report()), { what: 'the report' });
    expect(it.driver.said('turn_ended')).toEqual([]);
    api = await TimelineApi.start(port);
    await turnEnded(it);
    expect(api.kinds()).toEqual(['task_started', 'progress', 'task_completed', 'completed']);
  });

  describe('scripted faults', () => {
    it('numbers its lines', async () => {
      const it = launch({ numbered: 200, noPermission: true, noReport: true });
      await turnEnded(it);
      expect(it.output.match(/numbered \d+\/200\n/g)).toEqual(Array.from({ length: 200 }, (_, index) => `numbered ${index + 1}/200\n`));
      expect(api.kinds()).toEqual([]);
    });

    it('fails, with its message', async () => {
      const it = launch({ fail: 'on purpose' });
      await turnEnded(it);
      expect(api.received.at(-1)).toMatchObject({ kind: 'failed', message: 'on purpose' });
    });

    it('crashes with a code or of a signal, and exits when told', async () => {
      expect(await launch({ crash: true }).exited()).toEqual({ code: 1, signal: null });
      expect(await launch({ crash: 'SIGKILL' }).exited()).toEqual({ code: null, signal: 'SIGKILL' });
      const it = launch({ exit: 3, noPermission: true });
      expect(await it.exited()).toEqual({ code: 3, signal: null });
      expect(it.driver.said('turn_ended')).toHaveLength(1);
    });

    it('floods', async () => {
      const it = launch({ flood: 4, noPermission: true });
      await turnEnded(it);
      expect(it.output.length).toBeGreaterThan(4 * 1024 * 1024);
    });

    it('hangs through a cancel, ignores SIGTERM and the end of stdin, and leaves a child that escaped', async () => {
      const it = launch({ hang: true, ignoreTerm: true, escape: true });
      const escaped = Number((await eventually(() => /escaped child (\d+)/.exec(it.output), { what: 'the escaped child' }))[1]);
      try {
        await it.step((driver) => driver.interrupt());
        it.child.stdin.end();
        it.child.kill('SIGTERM');
        await eventually(() => it.stderr.includes('SIGTERM ignored') && it.stderr.includes('end of stdin ignored'), { what: 'both were ignored' });
        expect(it.driver.said('turn_ended')).toEqual([]);
        await it.end();
        expect(() => process.kill(escaped, 0)).not.toThrow();
      } finally {
        process.kill(escaped, 'SIGKILL');
      }
    });

    it('opens no session, naming the key, when custom.demo is wrong', async () => {
      const it = launch({ hnag: true });
      expect(await eventually(() => it.driver.ended, { what: 'the refusal' })).toMatch(/^start_failed: custom\.demo\.hnag is unknown; known are steps, /);
      it.child.stdin.end();
      expect(await it.exited()).toEqual({ code: 0, signal: null });
    });
  });
});
