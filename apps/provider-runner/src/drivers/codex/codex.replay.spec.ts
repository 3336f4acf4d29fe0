import { beforeAll, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import type { RunFact } from '@orbitmesh/domain';
import { oneIn } from '@orbitmesh/testing';
import type { Driver } from '../driver.js';
import { JournaledDriver, manifestOf, runContextOf } from '../testing/journaled-driver.js';
import { codexDriver } from './codex.driver.js';

/**
 * What codex 0.169.0 really said, line by line, and what was done in between: a turn that thinks, plans,
 * runs a command after a permission, is steered, has an edit denied with a reason, and calls an MCP tool;
 * then a turn that is interrupted in the middle of a command.
 */
type Step = { out: string } | { do: 'start' | 'interrupt' } | { do: 'input' | 'answerApproval'; with: never };
const RECORDED = readFileSync(new URL('./testing/recorded-turns.ndjson', import.meta.url), 'utf8').trim().split('\n').map((line) => JSON.parse(line) as Step);

const run = runContextOf({
  workingDir: '/repo', manifest: manifestOf({ systemPrompt: 'Be careful.' }), entry: { driver: 'codex', command: ['/bin/codex'] },
  environment: { CODEX_HOME: '/state/sess_1/codex', OPENAI_API_KEY: 'sk-of-the-stand-in' },
  mcpServers: [{ name: 'orbitmesh', command: '/run/bin/orbitmesh', args: ['mcp'], env: {}, forward: ['ORBITMESH_TOKEN'], own: true }, { name: 'other', command: '/bin/mcp', args: [], env: { LEVEL: '1' }, forward: [] }],
});

function act(driver: Driver, step: Step): void {
  if ('out' in step) driver.stdout({ text: step.out, start: 0, end: 0 });
  else if ('with' in step) driver[step.do](step.with);
  else driver[step.do]();
}

/** `crashAfter`: the runner dies after this step and comes back; with `written: false`, before its lines were written. */
async function perform(crashAfter = -1, written = true): Promise<JournaledDriver> {
  const bench = new JournaledDriver(codexDriver, run);
  for (const [index, step] of RECORDED.entries()) {
    bench.writes = written || index !== crashAfter;
    await bench.step((driver) => act(driver, step));
    bench.writes = true;
    if (index === crashAfter) await bench.crash();
  }
  return bench;
}

describe('a conversation that codex really had', () => {
  let undisturbed: JournaledDriver;
  beforeAll(async () => { undisturbed = await perform(); });
  const said = <T extends RunFact['type']>(type: T) => undisturbed.said(type);

  it('is understood whole', () => {
    expect(said('metadata').filter(({ key }) => key === 'unparsed')).toEqual([]);
    expect(said('error')).toEqual([]);
  });

  it('opens the thread with the directory, the permissions, the system prompt and the MCP servers, ours trusted and with its variables', () => {
    expect(undisturbed.sent('initialize')[0]).toMatchObject({ id: 'om:initialize', params: { clientInfo: { name: 'orbitmesh' }, capabilities: { experimentalApi: true } } });
    expect(undisturbed.sent('thread')[0]).toMatchObject({
      method: 'thread/start',
      params: {
        cwd: '/repo', approvalPolicy: 'untrusted', sandbox: 'workspace-write', developerInstructions: 'Be careful.',
        config: {
          mcp_servers: {
            orbitmesh: { command: '/run/bin/orbitmesh', args: ['mcp'], env_vars: ['ORBITMESH_TOKEN'], default_tools_approval_mode: 'approve' },
            other: { command: '/bin/mcp', env: { LEVEL: '1' } },
          },
        },
      },
    });
    expect(undisturbed.sent('thread')[0].params.config).not.toHaveProperty('mcp_servers.other.default_tools_approval_mode');
  });

  it('says what was said, once, each message on lines of its own, and what was thought and planned', () => {
    expect(said('output').map(({ content }) => content).join('')).toBe('I will.\nAll is done.\nNext.\n');
    expect(said('thought').map(({ content }) => content).join('')).toBe('Let me see.');
    expect(said('plan')).toEqual([{ type: 'plan', entries: [{ content: 'look', status: 'completed' }, { content: 'write', status: 'in_progress' }] }]);
  });

  it('shows a running command\'s newest output, and all of it with the end', () => {
    const command = said('tool_call').filter(({ title }) => title?.startsWith('echo one'));
    const texts = command.map(({ status, content }) => [status, (content as { content: { text: string } }[] | undefined)?.map(({ content: { text } }) => text).join('')]);
    expect(texts).toEqual([['in_progress', undefined], ['in_progress', 'two\n'], ['in_progress', 'two\nthree\n'], ['completed', 'one\ntwo\nthree\n']]);
  });

  it('ends every tool call, also those that were denied and interrupted', () => {
    const last = new Map(said('tool_call').map(({ title, kind, status }) => [title, [kind, status]]));
    expect([...last]).toEqual([
      ['echo one; sleep 1; echo two; sleep 1; echo three', ['execute', 'completed']], ['Edit notes.txt', ['edit', 'failed']],
      ['other.report_progress', ['other', 'completed']], ['echo begun; sleep 300', ['execute', 'failed']],
    ]);
  });

  it('asks with what is to be done and what can be answered', () => {
    expect(said('approval_requested').map(({ title, options }) => [title, options.map(({ optionId, kind }) => `${optionId} ${kind}`)])).toEqual([
      ['echo one; sleep 1; echo two; sleep 1; echo three', ['accept allow_once', 'acceptWithExecpolicyAmendment allow_always', 'decline reject_once', 'cancel reject_once']],
      ['Edit notes.txt', ['accept allow_once', 'acceptForSession allow_always', 'decline reject_once', 'cancel reject_once']],
      ['Allow the other MCP server to run tool "report_progress"?', ['accept allow_once', 'acceptForSession allow_always', 'decline reject_once', 'cancel reject_once']],
      ['echo begun; sleep 300', expect.any(Array)],
    ]);
    expect(said('approval_requested')[1].toolCall).toMatchObject({ kind: 'edit', content: [{ type: 'diff', diff: '@@ -1 +1 @@\n-before\n+after\n' }] });
    expect(undisturbed.sent('answer:approval_3')[0]).toMatchObject({ id: 2, result: { action: 'accept', _meta: { persist: 'session' } } });
  });

  it('tells the reason of a denial before the denial, and steers into the turn that runs', () => {
    const keys = undisturbed.lines.map(({ key }) => key);
    expect(keys).toEqual([
      'initialize', 'initialized', 'account', 'login', 'thread', 'servers', 'turn:first', 'steer:inp_now', 'answer:approval_1', 'reason:approval_2', 'answer:approval_2', 'answer:approval_3',
      'turn:inp_later', 'answer:approval_4', 'interrupt:2', 'clean:2',
    ]);
    expect(JSON.stringify(undisturbed.sent('reason:approval_2')[0].params.input)).toContain('The permission was denied (Edit notes.txt). The reason: not on a Friday');
    expect(said('input_delivered').map(({ inputId }) => inputId)).toEqual(['inp_now', 'inp_later']);
  });

  it('counts the tokens of each turn and of all, and they add up', () => {
    const times = (requestCount: number) => ({ tokensIn: 234 * requestCount, tokensOut: 56 * requestCount, cacheRead: 1000 * requestCount, cacheWrite: 100 * requestCount, reasoning: 7 * requestCount, requestCount });
    expect(said('metric').filter(({ turn }) => turn).map(({ turn }) => turn)).toEqual([times(5), times(1)]);
    expect(said('metric').at(-1)).toEqual({ type: 'metric', ...times(6), turn: times(1) });
  });

  it('ends an interrupted turn when what it left running is ended', () => {
    expect(said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'end_turn' }, { type: 'turn_ended', stopReason: 'cancelled' }]);
    expect(undisturbed.sent('clean:2')[0]).toMatchObject({ method: 'thread/backgroundTerminals/clean' });
    expect(undisturbed.status()).toEqual({ activity: 'idle', busy: false, queuedInputs: 0 });
  });

  it('is the same, facts and lines, whichever step the runner dies after', async () => {
    for (const index of oneIn(3, [...RECORDED.keys()])) {
      const recovered = await perform(index);
      expect({ index, facts: lasting(recovered.facts) }).toEqual({ index, facts: lasting(undisturbed.facts) });
      expect({ index, lines: recovered.lines }).toEqual({ index, lines: undisturbed.lines });
    }
  });

  it('sends again, byte for byte, what was journaled and not written', async () => {
    for (const index of oneIn(3, [...RECORDED.keys()].reverse())) {
      const recovered = await perform(index, false);
      expect({ index, lines: recovered.lines }).toEqual({ index, lines: undisturbed.lines });
      expect({ index, facts: sorted(recovered.facts) }).toEqual({ index, facts: sorted(undisturbed.facts) });
    }
  });
});

function sorted(facts: RunFact[]): string[] {
  return lasting(facts).map((fact) => JSON.stringify(fact)).sort();
}

/** All but what is shown of a running command's output: it is kept nowhere, and begins anew after a crash. */
function lasting(facts: RunFact[]): RunFact[] {
  return facts.map((fact) => (fact.type === 'tool_call' && fact.kind === 'execute' && fact.status === 'in_progress' && fact.content ? { ...fact, content: [] } : fact));
}
