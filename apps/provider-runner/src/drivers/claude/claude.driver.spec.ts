import { describe, expect, it } from '@jest/globals';
import { JournaledDriver, manifestOf } from '../testing/journaled-driver.js';
import { claudeDriver } from './claude.driver.js';
import { acknowledged, answer, asks, assistant, claudeRun, event, init, initialized, refused, result, sent, SESSION, state, system, toolResult, toolUse, working } from './testing/frames.js';

const outputOf = (bench: JournaledDriver) => bench.said('output').map(({ content }) => content).join('');
const unparsed = (bench: JournaledDriver) => bench.said('metadata').filter(({ key }) => key === 'unparsed');

describe('the handshake', () => {
  it('hands over the system prompt on the wire, and sends the prompt when it is answered', async () => {
    const bench = new JournaledDriver(claudeDriver, claudeRun({ manifest: manifestOf({ systemPrompt: 'Be brief.' }) }));
    await bench.step((driver) => driver.start());
    expect(sent(bench, 'initialize')).toEqual([{ type: 'control_request', request_id: 'om:initialize', request: { subtype: 'initialize', appendSystemPrompt: 'Be brief.' } }]);
    expect(bench.facts).toEqual([]);

    await bench.agent(initialized());

    const { agentSessionId } = bench.said('run_started')[0];
    expect(agentSessionId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(sent(bench, 'prompt:1')).toEqual([{ type: 'user', message: { role: 'user', content: 'Do the task.' }, parent_tool_use_id: null, session_id: agentSessionId, uuid: expect.any(String) }]);
    expect(bench.facts.map(({ type }) => type)).toEqual(['run_started', 'turn_started', 'activity']);
    expect(bench.status()).toEqual({ activity: 'thinking', busy: true, queuedInputs: 0 });
  });

  it('fails the start when it is refused, and when the agent ends before it is ready, with its last words', async () => {
    const refusing = new JournaledDriver(claudeDriver, claudeRun());
    await refusing.step((driver) => driver.start());
    await refusing.agent(refused('om:initialize', 'not today'));
    expect(refusing.ended).toBe('start_failed: Claude Code refuses the handshake: not today');

    const ending = new JournaledDriver(claudeDriver, claudeRun());
    await ending.step((driver) => driver.start());
    await ending.step((driver) => driver.stderr!({ text: 'No conversation found with session ID: x\n', start: 0, end: 1 }));
    await ending.crash();
    await ending.step((driver) => driver.exited({ exitCode: 1, signal: null }));
    expect(ending.ended).toBe('start_failed: Claude Code ended before it was ready. No conversation found with session ID: x');
    expect(ending.said('output')).toEqual([{ type: 'output', content: 'No conversation found with session ID: x\n', stream: 'stderr' }]);
  });

  it('fails the start by a result that comes instead of an answer, as newer releases do', async () => {
    const bench = new JournaledDriver(claudeDriver, claudeRun({ continueAgentSessionId: 'gone' }));
    await bench.step((driver) => driver.start());
    await bench.agent(result({ is_error: true, subtype: 'error_during_execution', result: undefined, errors: ['No conversation found with session ID: gone'] }));
    expect(bench.ended).toBe('start_failed: No conversation found with session ID: gone');
  });

  it('says the version and the model once, servers that failed, and both again when they change', async () => {
    const bench = await working();
    await bench.agent(init(), init({ model: 'claude-opus-5' }));
    expect(bench.said('metadata').map(({ key, value }) => `${key}=${value}`)).toEqual(['agent=claude-code 2.1.112', 'model=claude-sonnet-4-6', 'model=claude-opus-5']);

    const other = await working();
    await other.agent(init({ claude_code_version: '2.2.0', mcp_servers: [{ name: 'files', status: 'failed' }, { name: 'ours', status: 'connected' }] }));
    expect(other.said('metadata')).toContainEqual({ type: 'metadata', key: 'mcp_server_failed', value: 'files: failed' });
  });

  it('follows the agent into a new conversation', async () => {
    const bench = await working();
    const [second, third] = [2, 3].map((n) => SESSION.replace(/1$/, String(n)));
    await bench.agent({ type: 'conversation_reset', new_conversation_id: second }, init({ session_id: third }), init({ session_id: third }));
    expect(bench.said('conversation_changed').map(({ agentSessionId }) => agentSessionId)).toEqual([SESSION, second, third]);
    expect(unparsed(bench)).toEqual([]);
  });

  it.each(['conv-2', '--mcp-config=/tmp/x', '', 7, undefined])('follows it into none that is called %j: what continues it is an argument', async (id) => {
    const bench = await working();
    await bench.agent(init(), { type: 'conversation_reset', new_conversation_id: id }, init({ session_id: id }));
    expect(bench.said('conversation_changed').map(({ agentSessionId }) => agentSessionId)).toEqual([SESSION]);
    expect(unparsed(bench)).toHaveLength(2);
  });
});

describe('what the agent says', () => {
  it('comes out as it is streamed, once, with a line between paragraphs that belong to different messages', async () => {
    const bench = await working();
    await bench.agent(...answer('m1', 'I will.'), assistant('m1', [toolUse('toolu_1', 'Bash', { command: 'ls' })]), toolResult('toolu_1', 'a'), ...answer('m2', 'Done.'));
    expect(outputOf(bench)).toBe('I will.\n\nDone.');
  });

  it('comes out whole where it was not streamed', async () => {
    const bench = await working();
    await bench.agent(assistant('m1', [{ type: 'thinking', thinking: 'hm' }, { type: 'text', text: 'All at once.' }]), system('local_command_output', { content: 'cost: 0' }));
    expect(outputOf(bench)).toBe('All at once.cost: 0');
    expect(bench.said('thought')).toEqual([{ type: 'thought', content: 'hm' }]);
  });

  it('is thoughts, tool calls with what they touch and change, the plan, the current task and the activity', async () => {
    const bench = await working();
    const todos = [{ content: 'look', status: 'completed', activeForm: 'Looking' }, { content: 'write', status: 'in_progress', activeForm: 'Writing' }];
    await bench.agent(
      event({ type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } }),
      assistant('m1', [toolUse('t1', 'Edit', { file_path: '/repo/src/a.ts', old_string: 'x', new_string: 'y' })]),
      toolResult('t1', 'The file was updated.', {}, { structuredPatch: [] }),
      assistant('m2', [toolUse('t2', 'TodoWrite', { todos })]), toolResult('t2', 'Todos have been modified.'),
      assistant('m3', [toolUse('t3', 'mcp__orbitmesh__report_progress', { message: 'half' })]),
      toolResult('t3', [{ type: 'text', text: 'told' }, { type: 'image' }], { is_error: true }),
    );
    expect(bench.said('thought')).toEqual([{ type: 'thought', content: 'hm' }]);
    expect(bench.said('tool_call')).toEqual([
      { type: 'tool_call', toolCallId: 't1', title: 'Edit src/a.ts', kind: 'edit', status: 'in_progress', rawInput: expect.any(Object), locations: [{ path: '/repo/src/a.ts' }], content: [{ type: 'diff', path: '/repo/src/a.ts', oldText: 'x', newText: 'y' }] },
      { type: 'tool_call', toolCallId: 't1', title: 'Edit src/a.ts', kind: 'edit', status: 'completed' },
      { type: 'tool_call', toolCallId: 't3', title: 'orbitmesh: report_progress', kind: 'other', status: 'in_progress', rawInput: { message: 'half' } },
      { type: 'tool_call', toolCallId: 't3', title: 'orbitmesh: report_progress', kind: 'other', status: 'failed', content: [{ type: 'content', content: { type: 'text', text: 'told' } }, { type: 'content', content: { type: 'text', text: '[image]' } }] },
    ]);
    expect(bench.said('plan')).toEqual([{ type: 'plan', entries: todos.map(({ content, status }) => ({ content, status })) }]);
    expect(bench.said('activity').map(({ activity, currentTask }) => [activity, currentTask])).toEqual([
      ['thinking', null], ['executing', 'Edit src/a.ts'], ['thinking', null], ['thinking', 'Writing'], ['executing', 'Writing'], ['thinking', 'Writing'],
    ]);
  });

  it('leaves out what agents of the agent say, and shows what they do', async () => {
    const bench = await working();
    const nested = { parent_tool_use_id: 'task' };
    await bench.agent(assistant('n1', [{ type: 'text', text: 'inner words' }, toolUse('t1', 'Grep', { pattern: 'x' })], nested), event({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'inner' } }, 'task'));
    expect(outputOf(bench)).toBe('');
    expect(bench.said('tool_call')[0]).toMatchObject({ title: 'Grep x', kind: 'search' });
  });

  it.each([
    ['half a frame', '{"type":"assistant","mess'],
    ['no JSON', 'Loading…'],
    ['a list', '[{"type":"result"}]'],
    ['a frame without a type', '{"hello":1}'],
    ['a frame of an unknown type', JSON.stringify({ type: 'hologram' })],
    ['an unknown system message', JSON.stringify(system('levitation'))],
    ['a message without content', JSON.stringify({ type: 'assistant', message: 7 })],
    ['a tool call without an id', JSON.stringify(assistant('m', [toolUse('', 'Bash', {})]))],
    ['an event of an unknown kind', JSON.stringify(event({ type: 'content_block_sparkle' }))],
    ['an answer to nothing', JSON.stringify(acknowledged('om:hello'))],
    ['an answer to somebody else', JSON.stringify(acknowledged('7'))],
    ['a question without an id', JSON.stringify({ type: 'control_request', request: { subtype: 'can_use_tool' } })],
  ])('keeps %s as an unparsed record and goes on', async (_name, line) => {
    const bench = await working();
    await bench.agent(line, result(), state('idle'));
    expect(unparsed(bench)).toEqual([{ type: 'metadata', key: 'unparsed', value: line.slice(0, 200) }]);
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'end_turn' }]);
  });

  it('passes over what says nothing more', async () => {
    const bench = await working();
    const before = bench.facts.length;
    await bench.agent(system('status', { status: 'requesting' }), { type: 'command_lifecycle', state: 'queued' }, { type: 'keep_alive' }, system('thinking_tokens'), { type: 'user', message: { role: 'user', content: 'ours' } });
    expect(bench.facts).toHaveLength(before);
  });

  it('says an error for a frame that was cut off at the bound', async () => {
    const bench = await working();
    await bench.step((driver) => driver.stdout({ text: '{"type', start: 0, end: 99, truncatedBytes: 90 }));
    expect(bench.said('error')[0].code).toBe('frame_too_large');
    expect(unparsed(bench)).toHaveLength(1);
  });
});

describe('the end of a turn', () => {
  it('is the agent\'s idle, with all that its results say: one, two or none', async () => {
    const counted = (tokens: number) => ({ m: { inputTokens: tokens, outputTokens: tokens, cacheReadInputTokens: 0, cacheCreationInputTokens: 0 } });
    const two = await working();
    await two.agent(result({ modelUsage: counted(5) }), result({ modelUsage: counted(12), stop_reason: 'max_tokens' }), state('idle'), result({ modelUsage: counted(12) }));
    expect(two.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'max_tokens' }]);
    expect(two.said('metric').at(-1)).toMatchObject({ tokensIn: 12, tokensOut: 12, turn: { tokensIn: 12 } });
    // The third is of no turn.
    expect(unparsed(two)).toHaveLength(1);

    const none = await working();
    await none.agent(state('idle'));
    expect(none.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'error', message: 'The agent ended its turn without a result.' }]);
    expect(none.said('error').map(({ code }) => code)).toEqual(['agent_error']);
  });

  it('is the result where the agent does not say when it is idle', async () => {
    const bench = new JournaledDriver(claudeDriver, claudeRun());
    await bench.step((driver) => driver.start());
    await bench.agent(initialized(), init(), ...answer('m1', 'Hi.'), result());
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'end_turn' }]);
  });

  it('can be of a turn that the agent began by itself', async () => {
    const bench = await working();
    await bench.agent(result(), state('idle'), state('running'), init(), ...answer('m9', 'It is done.'));
    expect(bench.status().busy).toBe(true);
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'next' }));
    expect(sent(bench, 'prompt:3')).toEqual([]);
    await bench.agent(result(), state('idle'));
    expect(bench.facts.filter(({ type }) => type === 'turn_started')).toEqual([{ type: 'turn_started' }, { type: 'turn_started' }, { type: 'turn_started', inputId: 'inp_1' }]);
    expect(sent(bench, 'prompt:3')).toHaveLength(1);
  });
});

describe('trouble', () => {
  const failed = (status: number | null, said: string) => result({ is_error: true, api_error_status: status, result: said });

  it.each([
    [401, null, 'Failed to authenticate. API Error: 401', 'auth_required'],
    [null, 'authentication_failed', 'Not logged in · Please run /login', 'auth_required'],
    [429, 'rate_limit', 'API Error: Request rejected (429)', 'rate_limit'],
    [529, 'rate_limit', 'API Error: 529 overloaded_error', 'overloaded'],
    [400, 'billing_error', 'Credit balance is too low', 'usage_limit'],
    [429, 'rate_limit', 'You\'ve hit your weekly limit · resets 3pm', 'usage_limit'],
    [400, 'invalid_request', 'API Error: 400', 'bad_request'],
    [400, 'invalid_request', 'Prompt is too long', 'token_limit'],
    [500, 'server_error', 'API Error: 500', 'agent_error'],
    [null, null, 'API Error: terminated', 'agent_error'],
  ])('with status %p and the word %p and "%s" is %s', async (status, error, said, code) => {
    const bench = await working();
    await bench.agent(...(error ? [assistant('synthetic', [{ type: 'text', text: said }], { error })] : []), failed(status, said), state('idle'));
    expect(bench.said('error')).toEqual([{ type: 'error', code, message: said }]);
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'error', message: said }]);
    expect(bench.said('output')).toEqual([]);
  });

  it('that trying again cannot help breaks the turn off at the first retry, and is said once', async () => {
    const bench = await working();
    await bench.agent(system('api_retry', { attempt: 1, max_retries: 4, error: 'authentication_failed', error_status: 401 }));
    expect(sent(bench, 'interrupt:1:1')).toHaveLength(1);
    await bench.agent(acknowledged('om:interrupt:1:1'), result({ is_error: true, subtype: 'error_during_execution', terminal_reason: 'aborted_streaming' }), state('idle'));
    expect(bench.said('error').map(({ code }) => code)).toEqual(['auth_required']);
    expect(bench.said('turn_ended')[0]).toMatchObject({ stopReason: 'error', message: expect.stringContaining('401') });
  });

  it('that may pass is left to the agent, which says that it tries again', async () => {
    const bench = await working();
    await bench.agent(system('api_retry', { attempt: 1, max_retries: 4, error: 'rate_limit', error_status: 529 }));
    expect(bench.said('metadata').at(-1)).toEqual({ type: 'metadata', key: 'model_retry', value: 'rate_limit 529, attempt 1 of 4' });
    expect(bench.said('error')).toEqual([]);
  });

  it('of a subscription is told when its limit comes near, and is a usage limit when it is reached', async () => {
    const bench = await working();
    const limit = (info: object) => ({ type: 'rate_limit_event', rate_limit_info: { rateLimitType: 'five_hour', ...info } });
    await bench.agent(limit({ status: 'allowed' }), limit({ status: 'allowed_warning', utilization: 0.9 }), limit({ status: 'rejected', resetsAt: 1_800_000_000 }));
    expect(bench.said('metadata').filter(({ key }) => key === 'rate_limit').map(({ value }) => value)).toEqual(['The five hour limit is near, 90 % used.', 'The five hour limit is reached, until 2027-01-15T08:00:00.000Z.']);
    await bench.agent(system('api_retry', { attempt: 1, max_retries: 4, error: 'rate_limit', error_status: 429 }));
    expect(bench.said('error')).toEqual([{ type: 'error', code: 'usage_limit', message: 'The five hour limit is reached, until 2027-01-15T08:00:00.000Z.' }]);
  });
});

describe('tokens', () => {
  const models = (input: number, output: number, thinking = 0) => ({
    big: { inputTokens: input, outputTokens: output, cacheReadInputTokens: 3, cacheCreationInputTokens: 4, thinkingTokens: thinking, costUSD: 1 }, small: { inputTokens: 1, outputTokens: 1 },
  });

  it('of a turn are the growth of what the agent counts, its own agents among it, and add up', async () => {
    const bench = await working();
    await bench.agent(
      ...answer('m1', 'Hi.'), assistant('n1', [], { parent_tool_use_id: 't' }), assistant('n1', [], { parent_tool_use_id: 't' }),
      result({ modelUsage: models(100, 20, 7), total_cost_usd: 0.5, usage: { input_tokens: 10 } }), state('idle'),
    );
    const first = { tokensIn: 101, tokensOut: 21, cacheRead: 3, cacheWrite: 4, reasoning: 7, requestCount: 2, costUsd: 0.5 };
    expect(bench.said('metric')).toEqual([
      { type: 'metric', tokensIn: 10, tokensOut: 5, cacheRead: 3, cacheWrite: 4, reasoning: 0, requestCount: 1 },
      { type: 'metric', ...first, turn: first },
    ]);
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'more' }));
    await bench.agent(state('running'), ...answer('m2', 'Ho.'), result({ modelUsage: models(140, 26, 7), total_cost_usd: 0.75 }), state('idle'));
    expect(bench.said('metric').at(-1)).toMatchObject({ tokensIn: 141, tokensOut: 27, requestCount: 3, costUsd: 0.75, turn: { tokensIn: 40, tokensOut: 6, reasoning: 0, requestCount: 1, costUsd: 0.25 } });
  });

  it('are those of the result where nothing is counted by model, and one request where the model never answered', async () => {
    const bench = await working();
    await bench.agent(result({ usage: { input_tokens: 4, output_tokens: 2, cache_read_input_tokens: 1, cache_creation_input_tokens: 3 } }), state('idle'));
    expect(bench.said('metric').at(-1)).toMatchObject({ tokensIn: 4, tokensOut: 2, cacheRead: 1, cacheWrite: 3, requestCount: 1 });
  });

  it.each([
    ['goes on counting', { type: 'control_response', response: { subtype: 'success', request_id: 'om:usage', response: { session: { total_cost_usd: 2, model_usage: models(1000, 500) } } } }, { modelUsage: models(1100, 510), total_cost_usd: 2.5 }],
    ['counts from 0', refused('om:usage', 'Unsupported control request subtype: get_usage'), { modelUsage: { big: { inputTokens: 100, outputTokens: 10 } }, total_cost_usd: 0.5 }],
  ])('of a continued conversation leave out what was before, whether the agent %s', async (_name, counted, after) => {
    const bench = new JournaledDriver(claudeDriver, claudeRun({ continueAgentSessionId: SESSION }));
    await bench.step((driver) => driver.start());
    await bench.agent(initialized());
    expect(bench.said('run_started')).toEqual([]);
    await bench.agent(counted, state('running'), init(), result(after), state('idle'));
    expect(bench.said('run_started')).toEqual([{ type: 'run_started', pid: 4711, agentSessionId: SESSION }]);
    expect(bench.said('metric').at(-1)).toMatchObject({ tokensIn: 100, tokensOut: 10, costUsd: 0.5, turn: { tokensIn: 100, tokensOut: 10, costUsd: 0.5 } });
  });
});

describe('what it cannot be asked', () => {
  it('is refused, so that the agent does not wait', async () => {
    const bench = await working();
    await bench.agent({ type: 'control_request', request_id: 'r1', request: { subtype: 'elicitation', message: 'Who are you?' } });
    expect(sent(bench, 'refuse:r1')).toEqual([{ type: 'control_response', response: { subtype: 'error', request_id: 'r1', error: expect.any(String) } }]);
    await bench.agent({ type: 'control_request', request_id: 'r'.repeat(100), request: { subtype: 'elicitation' } }, asks('r'.repeat(100)));
    expect(bench.said('error').map(({ code }) => code)).toEqual(['protocol', 'protocol']);
  });
});
