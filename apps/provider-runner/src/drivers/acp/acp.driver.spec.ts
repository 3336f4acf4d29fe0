import { describe, expect, it } from '@jest/globals';
import { acpDriver } from './acp.driver.js';
import { JournaledDriver, manifestOf, runContextOf } from '../testing/journaled-driver.js';

const INITIALIZED = { id: 'om:initialize', result: { protocolVersion: 1, agentInfo: { name: 'scripted', version: '1.2.3' }, agentCapabilities: { loadSession: true } } };
const OPENED = { id: 'om:session', result: { sessionId: 'conv-1' } };
const ENDED = { id: 'om:prompt:first', result: { stopReason: 'end_turn' } };
const update = (fields: object) => ({ method: 'session/update', params: { sessionId: 'conv-1', update: fields } });
const says = (text: string) => update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });
const asks = (id: number | string, toolCall: object = { toolCallId: 'call-1', title: 'echo hi', kind: 'execute', status: 'pending' }) => ({
  id, method: 'session/request_permission',
  params: { sessionId: 'conv-1', toolCall, options: [{ optionId: 'yes', name: 'Yes', kind: 'allow_once' }, { optionId: 'no', name: 'No', kind: 'reject_once' }] },
});

async function working(run = runContextOf()): Promise<JournaledDriver> {
  const bench = new JournaledDriver(acpDriver, run);
  await bench.step((driver) => driver.start());
  await bench.agent(INITIALIZED, OPENED);
  return bench;
}

describe('the handshake', () => {
  it('opens a session with the directory and MCP servers, then sends the system prompt before the prompt', async () => {
    const mcpServers = [{ name: 'files', command: '/bin/mcp', args: ['--stdio'], env: { LEVEL: '1' }, forward: ['KEY', 'NOT_THERE'] }];
    const manifest = manifestOf({ systemPrompt: 'Be brief.' });

    const bench = await working(runContextOf({ manifest, mcpServers, environment: { KEY: 'k', OTHER: 'o' } }));

    expect(bench.sent('initialize')[0].params).toMatchObject({ protocolVersion: 1, clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false } });
    expect(bench.sent('session')[0]).toMatchObject({ method: 'session/new', params: { cwd: '/repo', mcpServers: [{ name: 'files', command: '/bin/mcp', args: ['--stdio'], env: [{ name: 'KEY', value: 'k' }, { name: 'LEVEL', value: '1' }] }] } });
    expect(bench.sent('prompt:first')[0].params).toEqual({ sessionId: 'conv-1', prompt: [{ type: 'text', text: '# System prompt\n\nBe brief.\n\n# Task\n\nDo the task.' }] });
    expect(bench.facts.slice(0, 2)).toEqual([
      { type: 'run_started', pid: 4711, agentSessionId: 'conv-1', agentInfo: { name: 'scripted', version: '1.2.3' } },
      { type: 'turn_started' },
    ]);
    expect(bench.status()).toMatchObject({ activity: 'thinking', busy: true, queuedInputs: 0 });
  });

  it('fails the start with auth_required when the agent wants a login', async () => {
    const bench = new JournaledDriver(acpDriver);
    await bench.step((driver) => driver.start());
    await bench.agent(INITIALIZED, { id: 'om:session', error: { code: -32000, message: 'Authentication required' } });
    expect(bench.ended).toBe('auth_required: Authentication required');
  });

  it('fails the start when the agent leaves in order before it is ready', async () => {
    const bench = new JournaledDriver(acpDriver);
    await bench.step((driver) => driver.start());
    await bench.step((driver) => driver.exited({ exitCode: 0, signal: null }));
    expect(bench.ended).toBe('start_failed: The agent ended before it was ready.');
  });

  it('refuses an agent of another protocol version', async () => {
    const bench = new JournaledDriver(acpDriver);
    await bench.step((driver) => driver.start());
    await bench.agent({ id: 'om:initialize', result: { protocolVersion: 2 } });
    expect(bench.ended).toMatch(/^config_invalid: .*version 2/);
  });

  it("answers questions about the tools of OrbitMesh's own MCP server itself", async () => {
    const bench = await working(runContextOf({ mcpServers: [{ name: 'orbitmesh', command: '/run/bin/orbitmesh', args: ['mcp'], env: {}, forward: [], own: true }] }));
    await bench.agent(asks(7, { toolCallId: 'call-1', title: 'report_progress (orbitmesh MCP Server)', kind: 'other', status: 'pending' }));
    expect(bench.lines.at(-1)!.line).toBe('{"jsonrpc":"2.0","id":7,"result":{"outcome":{"outcome":"selected","optionId":"yes"}}}');
    expect(bench.facts.map(({ type }) => type)).not.toContain('approval_requested');
  });
});

describe('the model', () => {
  const start = async (opened: object) => {
    const bench = new JournaledDriver(acpDriver, runContextOf({ manifest: manifestOf({ provider: { ...manifestOf().provider, model: 'large' } }) }));
    await bench.step((driver) => driver.start());
    await bench.agent(INITIALIZED, { id: 'om:session', result: { sessionId: 'conv-1', ...opened } });
    return bench;
  };

  it('is set before the first prompt, by the option the agent has for it', async () => {
    const bench = await start({ configOptions: [{ id: 'mode', category: 'mode' }, { id: 'm', category: 'model' }], models: {} });
    expect(bench.sent('model')[0]).toMatchObject({ method: 'session/set_config_option', params: { sessionId: 'conv-1', configId: 'm', value: 'large' } });
    expect(bench.said('run_started')).toEqual([]);
    await bench.crash();
    await bench.agent({ id: 'om:model', result: {} });
    expect(bench.said('run_started')).toHaveLength(1);
    expect(bench.sent('prompt:first')).toHaveLength(1);
  });

  it('is set by session/set_model where that is all the agent has, and fails the start when it is refused', async () => {
    const bench = await start({ models: { availableModels: [] } });
    expect(bench.sent('model')[0]).toMatchObject({ method: 'session/set_model', params: { sessionId: 'conv-1', modelId: 'large' } });
    await bench.agent({ id: 'om:model', error: { code: -32602, message: 'unknown model' } });
    expect(bench.ended).toBe('config_invalid: The agent refuses the model large: unknown model');
  });

  it('is said not to be set where the agent offers no choice', async () => {
    const bench = await start({});
    expect(bench.said('metadata')).toEqual([{ type: 'metadata', key: 'model', value: expect.stringContaining('large was not set') }]);
    expect(bench.sent('prompt:first')).toHaveLength(1);
  });
});

describe('what the agent says', () => {
  it('becomes output, thoughts, a plan, tool calls, the current task and the activity', async () => {
    const bench = await working();
    await bench.agent(
      update({ sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text: 'hm' } }),
      says('I will'),
      update({ sessionUpdate: 'plan', entries: [{ content: 'look', status: 'completed', priority: 'high' }, { content: 'write', status: 'in_progress', priority: 'low' }] }),
      update({ sessionUpdate: 'tool_call', toolCallId: 'a', title: 'Read x', kind: 'read', status: 'in_progress', rawInput: { path: 'x' } }),
      update({ sessionUpdate: 'tool_call_update', toolCallId: 'a', status: 'completed', content: [{ type: 'content', content: { type: 'text', text: 'x is y' } }] }),
    );
    expect(bench.said('thought')).toEqual([{ type: 'thought', content: 'hm' }]);
    expect(bench.said('output')).toEqual([{ type: 'output', content: 'I will', stream: 'agent' }]);
    expect(bench.said('plan')[0].entries).toHaveLength(2);
    expect(bench.said('tool_call')).toEqual([
      { type: 'tool_call', toolCallId: 'a', title: 'Read x', kind: 'read', status: 'in_progress', rawInput: { path: 'x' } },
      { type: 'tool_call', toolCallId: 'a', title: 'Read x', kind: 'read', status: 'completed', content: [{ type: 'content', content: { type: 'text', text: 'x is y' } }] },
    ]);
    expect(bench.said('activity')).toEqual([
      { type: 'activity', activity: 'thinking', currentTask: null },
      { type: 'activity', activity: 'thinking', currentTask: 'write' },
      { type: 'activity', activity: 'executing', currentTask: 'write' },
      { type: 'activity', activity: 'thinking', currentTask: 'write' },
    ]);
  });

  it('upserts a tool call that is first seen in an update, and does not reopen a finished one', async () => {
    const bench = await working();
    await bench.agent(
      update({ sessionUpdate: 'tool_call_update', toolCallId: 'late', title: 'Write y', kind: 'edit', status: 'in_progress' }),
      update({ sessionUpdate: 'tool_call_update', toolCallId: 'late', status: 'completed' }),
      update({ sessionUpdate: 'tool_call_update', toolCallId: 'late', rawOutput: 'ok' }),
    );
    expect(bench.said('tool_call')).toEqual([
      { type: 'tool_call', toolCallId: 'late', title: 'Write y', kind: 'edit', status: 'in_progress' },
      { type: 'tool_call', toolCallId: 'late', title: 'Write y', kind: 'edit', status: 'completed' },
      { type: 'tool_call', toolCallId: 'late', content: 'ok' },
    ]);
    expect(bench.status().activity).toBe('thinking');
  });

  it.each([
    ['half a frame', '{"jsonrpc":"2.0","method":"session/upd'],
    ['no JSON', 'Loading model…'],
    ['a batch', '[{"jsonrpc":"2.0","id":"om:prompt:first","result":{"stopReason":"end_turn"}}]'],
    ['an unknown update', JSON.stringify(update({ sessionUpdate: 'hologram' }))],
    ['an update without a shape', JSON.stringify({ method: 'session/update', params: { update: null } })],
    ['a tool call without an id', JSON.stringify(update({ sessionUpdate: 'tool_call', title: 7 }))],
    ['an unknown notification', JSON.stringify({ method: 'agent/hello', params: 3 })],
    ['an answer to nothing', JSON.stringify({ id: 'om:prompt:nobody', result: { stopReason: 'end_turn' } })],
    ['an answer with a number for an id', JSON.stringify({ id: 0, result: {} })],
  ])('keeps %s as an unparsed record and goes on', async (_name, line) => {
    const bench = await working();
    await bench.agent(line, ENDED);
    expect(bench.said('metadata')).toEqual([{ type: 'metadata', key: 'unparsed', value: line.slice(0, 200) }]);
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'end_turn' }]);
  });

  it('says an error for a frame that was cut off at the bound', async () => {
    const bench = await working();
    await bench.step((driver) => driver.stdout({ text: '{"jsonrpc', start: 0, end: 99, truncatedBytes: 90 }));
    expect(bench.said('error')[0]).toMatchObject({ code: 'frame_too_large' });
  });

  it('ends a turn once when the agent answers twice, and with an error when it answers with nothing', async () => {
    const bench = await working();
    await bench.agent(ENDED, ENDED);
    expect(bench.said('turn_ended')).toHaveLength(1);

    const empty = await working();
    await empty.agent({ id: 'om:prompt:first' });
    expect(empty.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'error', message: expect.stringContaining('neither') }]);
    expect(empty.said('error')[0].code).toBe('agent_error');
  });

  it.each([
    [{ code: -32000, message: 'Authentication required' }, 'auth_required'],
    [{ code: 401, message: 'nope' }, 'auth_required'],
    [{ code: -32603, message: 'Internal error', data: { errorKind: 'rate_limit' } }, 'rate_limit'],
    [{ code: 429, message: 'slow down' }, 'rate_limit'],
    [{ code: -32603, message: 'Internal error', data: { details: 'usage limit reached' } }, 'usage_limit'],
    [{ code: -32603, message: 'Overloaded' }, 'overloaded'],
    [{ code: -32603, message: 'boom' }, 'agent_error'],
  ])('tells the kind of the error %j', async (error, code) => {
    const bench = await working();
    await bench.agent({ id: 'om:prompt:first', error });
    expect(bench.said('error')[0].code).toBe(code);
    expect(bench.said('turn_ended')[0].stopReason).toBe('error');
  });

  it('refuses what is not offered with method not found', async () => {
    const bench = await working();
    await bench.agent({ id: 0, method: 'fs/read_text_file', params: { path: '/etc/passwd' } }, { id: 'x', method: 'terminal/create', params: {} });
    expect(bench.sent('refuse:0')).toEqual([{ jsonrpc: '2.0', id: 0, error: { code: -32601, message: expect.any(String) } }]);
    expect(bench.sent('refuse:"x"')[0].id).toBe('x');
  });
});

describe('tokens', () => {
  it.each([
    ['result.usage without cached tokens', { usage: { totalTokens: 60, inputTokens: 10, outputTokens: 20, cachedReadTokens: 25, cachedWriteTokens: 5 } }, { tokensIn: 10, tokensOut: 20, cacheRead: 25, cacheWrite: 5, reasoning: 0 }],
    ['result.usage that counts cached tokens as input', { usage: { totalTokens: 120, inputTokens: 100, outputTokens: 20, cachedReadTokens: 75 } }, { tokensIn: 25, tokensOut: 20, cacheRead: 75, cacheWrite: 0, reasoning: 0 }],
    ['thoughts apart from output', { usage: { totalTokens: 37, inputTokens: 10, outputTokens: 20, thoughtTokens: 7 } }, { tokensIn: 10, tokensOut: 27, cacheRead: 0, cacheWrite: 0, reasoning: 7 }],
    ['gemini\'s quota', { _meta: { quota: { token_count: { input_tokens: 11, output_tokens: 4 } } } }, { tokensIn: 11, tokensOut: 4, cacheRead: 0, cacheWrite: 0, reasoning: 0 }],
  ])('normalises %s', async (_name, result, expected) => {
    const bench = await working();
    await bench.agent({ id: 'om:prompt:first', result: { stopReason: 'end_turn', ...result } });
    const counted = { ...expected, requestCount: 1 };
    expect(bench.said('metric')).toEqual([{ type: 'metric', ...counted, turn: counted }]);
  });

  it('adds turn after turn, chunks with usage, and the cost the agent states', async () => {
    const bench = await working();
    await bench.agent(
      update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: '' }, _meta: { usage: { inputTokens: 3, outputTokens: 1, totalTokens: 4 } } }),
      update({ sessionUpdate: 'usage_update', used: 4, size: 100, cost: { amount: 0.5, currency: 'USD' } }),
      ENDED,
    );
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'more' }));
    await bench.agent({ id: 'om:prompt:inp_1', result: { stopReason: 'end_turn', usage: { inputTokens: 10, outputTokens: 10, totalTokens: 20 } } });
    expect(bench.said('metric').at(-1)).toEqual({
      type: 'metric', tokensIn: 13, tokensOut: 11, cacheRead: 0, cacheWrite: 0, reasoning: 0, requestCount: 2, costUsd: 0.5,
      turn: { tokensIn: 10, tokensOut: 10, cacheRead: 0, cacheWrite: 0, reasoning: 0, requestCount: 1, costUsd: 0 },
    });
    const turns = bench.said('metric').flatMap(({ turn }) => (turn ? [turn] : []));
    expect(turns.map(({ tokensIn, costUsd }) => [tokensIn, costUsd])).toEqual([[3, 0.5], [10, 0]]);
  });

  it('takes the growth for the turn where an agent counts the whole conversation', async () => {
    const bench = await working(runContextOf({ entry: { driver: 'acp', command: ['/bin/agent'], custom: { acp: { usage: 'session' } } } }));
    const ended = (id: string, inputTokens: number) => ({ id, result: { stopReason: 'end_turn', usage: { inputTokens, outputTokens: 1, totalTokens: inputTokens + 1 } } });
    await bench.agent(ended('om:prompt:first', 10));
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'more' }));
    await bench.agent(ended('om:prompt:inp_1', 25));
    expect(bench.said('metric').map(({ tokensIn, turn }) => [tokensIn, turn?.tokensIn])).toEqual([[10, 10], [25, 15]]);
  });
});

describe('approvals', () => {
  it('answers under the agent\'s own id, which may be 0, and says when the answer is written', async () => {
    const bench = await working();
    await bench.agent(asks(0));
    const [{ approvalId, title, options }] = bench.said('approval_requested');
    expect({ title, options: options.map(({ kind }) => kind) }).toEqual({ title: 'echo hi', options: ['allow_once', 'reject_once'] });
    expect(bench.said('tool_call')[0]).toMatchObject({ toolCallId: 'call-1', status: 'pending' });
    expect(bench.status().activity).toBe('waiting_approval');

    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'yes' }));
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'no' }));

    expect(bench.sent(`permission:${approvalId}`)).toEqual([{ jsonrpc: '2.0', id: 0, result: { outcome: { outcome: 'selected', optionId: 'yes' } } }]);
    expect(bench.said('approval_delivered')).toEqual([{ type: 'approval_delivered', approvalId }]);
  });

  it('answers cancelled for null and for an option that was not offered', async () => {
    const bench = await working();
    await bench.agent(asks(0), asks(1));
    const [first, second] = bench.said('approval_requested');
    await bench.step((driver) => driver.answerApproval({ approvalId: first.approvalId, optionId: null }));
    await bench.step((driver) => driver.answerApproval({ approvalId: second.approvalId, optionId: 'sudo' }));
    for (const { approvalId } of [first, second]) expect(bench.sent(`permission:${approvalId}`)[0].result).toEqual({ outcome: { outcome: 'cancelled' } });
  });

  it('is withdrawn when the agent cancels its request, and when its turn ends', async () => {
    const bench = await working();
    await bench.agent(asks(0), asks(1), { method: '$/cancel_request', params: { requestId: 0 } }, ENDED);
    const ids = bench.said('approval_requested').map(({ approvalId }) => approvalId);
    expect(bench.said('approval_withdrawn').map(({ approvalId, reason }) => [approvalId, reason])).toEqual([[ids[0], 'The agent withdrew its question.'], [ids[1], 'The turn ended.']]);
    expect(bench.sent(`permission:${ids[0]}`)[0]).toMatchObject({ id: 0, result: { outcome: { outcome: 'cancelled' } } });
    expect(bench.said('approval_delivered')).toEqual([]);
  });

  it('leaves a large tool call out of the question and names what is left out', async () => {
    const bench = await working();
    await bench.agent(asks(0, { toolCallId: 'big', title: 'Write', kind: 'edit', content: ['x'.repeat(100_000)] }));
    expect(bench.said('approval_requested')[0].toolCall).toEqual({ toolCallId: 'big', title: 'Write', kind: 'edit', status: '', omitted: ['content'] });
  });

  it('refuses a question without options, and more questions at once than the bound', async () => {
    const bench = await working();
    await bench.agent({ id: 99, method: 'session/request_permission', params: { options: [] } });
    for (let id = 0; id < 33; id += 1) await bench.agent(asks(id));
    expect(bench.said('approval_requested')).toHaveLength(32);
    expect(bench.said('error').map(({ code }) => code)).toEqual(['approval_refused', 'approval_refused']);
  });

  it('stays answerable when the agent did not take the answer', async () => {
    const bench = await working();
    await bench.agent(asks(0));
    const [{ approvalId }] = bench.said('approval_requested');
    bench.refuses = new Error('LIMIT_REACHED');
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'yes' }));
    bench.refuses = null;
    expect(bench.said('error')[0].code).toBe('agent_not_reading');
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'yes' }));
    expect(bench.said('approval_delivered')).toHaveLength(1);
  });
});

describe('input, interrupt, pause, stop', () => {
  it('holds input while a turn runs and prompts with it when the turn ends', async () => {
    const bench = await working();
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'one' }));
    await bench.step((driver) => driver.input({ inputId: 'inp_2', text: 'two' }));
    expect(bench.lines.filter(({ key }) => key.startsWith('prompt:'))).toHaveLength(1);
    expect(bench.status().queuedInputs).toBe(2);

    await bench.agent(ENDED);
    expect(bench.said('input_delivered')).toEqual([{ type: 'input_delivered', inputId: 'inp_1' }]);
    expect(bench.sent('prompt:inp_1')[0].params.prompt).toEqual([{ type: 'text', text: 'one' }]);
    await bench.agent({ id: 'om:prompt:inp_1', result: { stopReason: 'end_turn' } });
    expect(bench.said('turn_started').map(({ inputId }) => inputId)).toEqual([undefined, 'inp_1', 'inp_2']);
  });

  it('fails input past the bound instead of growing', async () => {
    const bench = await working();
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'x'.repeat(200_000) }));
    await bench.step((driver) => driver.input({ inputId: 'inp_2', text: 'x'.repeat(200_000) }));
    expect(bench.said('input_failed').map(({ inputId }) => inputId)).toEqual(['inp_2']);
  });

  it('says input_failed and ends the turn when a prompt cannot be sent', async () => {
    const bench = await working();
    await bench.agent(ENDED);
    bench.refuses = new Error('LIMIT_REACHED');
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'one' }));
    expect(bench.said('input_failed')).toEqual([{ type: 'input_failed', inputId: 'inp_1', reason: 'LIMIT_REACHED' }]);
    expect(bench.said('turn_ended').at(-1)).toMatchObject({ stopReason: 'error' });
    expect(bench.said('input_delivered')).toEqual([]);
    expect(bench.status().busy).toBe(false);
  });

  it('interrupts once: cancel first, then every open question answered cancelled, also those that come after', async () => {
    const bench = await working();
    await bench.agent(asks(0));
    await bench.step((driver) => driver.interrupt());
    await bench.step((driver) => driver.interrupt());
    await bench.agent(asks(1), { id: 'om:prompt:first', result: { stopReason: 'cancelled' } });

    const after = bench.lines.slice(3).map(({ line }) => JSON.parse(line));
    expect(after[0]).toEqual({ jsonrpc: '2.0', method: 'session/cancel', params: { sessionId: 'conv-1' } });
    expect(after.slice(1).map(({ id, result }) => [id, result.outcome.outcome])).toEqual([[0, 'cancelled'], [1, 'cancelled']]);
    expect(bench.said('approval_withdrawn')).toHaveLength(1);
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'cancelled' }]);
    expect(bench.status().busy).toBe(false);
  });

  it('does nothing to interrupt an idle agent', async () => {
    const bench = await working();
    await bench.agent(ENDED);
    const before = bench.lines.length;
    await bench.step((driver) => driver.interrupt());
    expect(bench.lines).toHaveLength(before);
  });

  it('holds answers and input while paused, and hands them over on resume', async () => {
    const bench = await working();
    await bench.agent(asks(0));
    const [{ approvalId }] = bench.said('approval_requested');
    await bench.step((driver) => driver.pause());
    await bench.step((driver) => driver.pause());
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'yes' }));
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'one' }));
    await bench.agent(says('still talking'));
    expect(bench.sent(`permission:${approvalId}`)).toEqual([]);
    expect(bench.said('paused')).toHaveLength(1);

    await bench.step((driver) => driver.resume());
    expect(bench.said('approval_delivered')).toHaveLength(1);
    await bench.agent(ENDED);
    expect(bench.said('input_delivered')).toHaveLength(1);
  });

  it('takes nothing more once it stops, and withdraws what is open when the agent is gone', async () => {
    const bench = await working();
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'one' }));
    await bench.step((driver) => driver.stop());
    await bench.step((driver) => driver.input({ inputId: 'inp_2', text: 'two' }));
    expect(bench.said('input_failed').map(({ inputId }) => inputId)).toEqual(['inp_1', 'inp_2']);
    expect(bench.sent('cancel:1')).toHaveLength(1);

    const dying = await working();
    await dying.agent(asks(0));
    await dying.step((driver) => driver.input({ inputId: 'inp_1', text: 'one' }));
    await dying.step((driver) => driver.exited({ exitCode: 1, signal: null }));
    expect(dying.said('approval_withdrawn')).toHaveLength(1);
    expect(dying.said('input_failed')).toHaveLength(1);
    expect(dying.status().busy).toBe(false);
  });
});

describe('recovery', () => {
  const play: ((bench: JournaledDriver) => Promise<void>)[] = [
    (bench) => bench.step((driver) => driver.start()),
    (bench) => bench.agent(INITIALIZED),
    (bench) => bench.agent(OPENED),
    (bench) => bench.agent(says('one'), update({ sessionUpdate: 'tool_call', toolCallId: 'call-1', title: 'echo', kind: 'execute', status: 'in_progress' })),
    (bench) => bench.agent(asks(0)),
    (bench) => bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'next' })),
    (bench) => bench.step((driver) => driver.answerApproval({ approvalId: 'approval_1', optionId: 'yes' })),
    (bench) => bench.agent(update({ sessionUpdate: 'tool_call_update', toolCallId: 'call-1', status: 'completed' }), ENDED),
    (bench) => bench.agent(asks(1)),
    (bench) => bench.step((driver) => driver.interrupt()),
    (bench) => bench.agent({ id: 'om:prompt:inp_1', result: { stopReason: 'cancelled', usage: { inputTokens: 5, outputTokens: 5, totalTokens: 10 } } }),
  ];

  it('says that input and answers were delivered when they were written and nobody had heard of it', async () => {
    const bench = await working();
    await bench.agent(ENDED);
    bench.confirms = false;
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'one' }));
    await bench.agent(asks(0));
    const [{ approvalId }] = bench.said('approval_requested');
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'yes' }));
    expect(bench.said('approval_delivered')).toEqual([]);
    bench.confirms = true;
    await bench.crash();
    expect(bench.said('input_delivered')).toEqual([{ type: 'input_delivered', inputId: 'inp_1' }]);
    expect(bench.said('approval_delivered')).toEqual([{ type: 'approval_delivered', approvalId }]);
    expect(bench.sent(`permission:${approvalId}`)).toHaveLength(1);
  });

  async function perform(crashAfter: number, written: boolean): Promise<JournaledDriver> {
    const bench = new JournaledDriver(acpDriver);
    for (const [index, act] of play.entries()) {
      bench.writes = written || index !== crashAfter;
      await act(bench);
      if (index !== crashAfter) continue;
      bench.writes = true;
      await bench.crash();
    }
    return bench;
  }

  it.each(play.map((_act, index) => index))('says and sends the same when the runner dies after step %i', async (index) => {
    const undisturbed = await perform(-1, true);
    const recovered = await perform(index, true);
    expect(recovered.facts).toEqual(undisturbed.facts);
    expect(recovered.lines).toEqual(undisturbed.lines);
  });

  it.each(play.map((_act, index) => index))('sends again, byte for byte, what was journaled and not written after step %i', async (index) => {
    const undisturbed = await perform(-1, true);
    const recovered = await perform(index, false);
    expect(recovered.lines).toEqual(undisturbed.lines);
    expect([...recovered.facts].sort(byJson)).toEqual([...undisturbed.facts].sort(byJson));
  });
});

function byJson(a: object, b: object): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}
