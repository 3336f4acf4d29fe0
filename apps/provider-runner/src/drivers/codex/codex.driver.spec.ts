import { describe, expect, it } from '@jest/globals';
import { manifestOf } from '../testing/journaled-driver.js';
import { NO_LOGIN_NEEDED, LOGIN_NEEDED, OPENED, STARTED, tell, completed, says, usage, opening, working } from './testing/frames.js';

describe('the login', () => {
  const environment = { CODEX_HOME: '/state/sess_1/codex', OPENAI_API_KEY: 'sk-of-the-user' };

  it('is made over the wire with the user\'s key, which stands in no snapshot and no fact', async () => {
    const bench = await opening({ environment });
    await bench.agent(LOGIN_NEEDED);
    expect(bench.sent('login')[0]).toMatchObject({ method: 'account/login/start', params: { type: 'apiKey', apiKey: 'sk-of-the-user' } });
    await bench.crash();
    await bench.agent({ id: 'om:login', result: { type: 'apiKey' } }, OPENED);
    expect(bench.said('run_started')).toEqual([{ type: 'run_started', pid: 4711, agentSessionId: 'thr-1', agentInfo: { name: 'codex', version: '1.2.3' } }]);
    expect(JSON.stringify([bench.facts, bench.snapshot()])).not.toContain('sk-of-the-user');
  });

  it.each([
    ['there is no key', { CODEX_HOME: environment.CODEX_HOME }],
    ['the home is the user\'s own, where codex might write the key down', { ...environment, CODEX_HOME: '/home/user/.codex' }],
  ])('fails the start where %s', async (_why, variables) => {
    const bench = await opening({ environment: variables });
    await bench.agent(LOGIN_NEEDED);
    expect(bench.ended).toMatch(/^auth_required: Codex has no login: give the provider an OPENAI_API_KEY/);
    expect(bench.sent('login')).toEqual([]);
  });

  it('is not made where codex has an account, and its refusal fails the start', async () => {
    const known = await opening({ environment });
    await known.agent({ id: 'om:account', result: { account: { type: 'chatgpt' }, requiresOpenaiAuth: true } });
    expect(known.sent('thread')).toHaveLength(1);

    const refused = await opening({ environment });
    await refused.agent(LOGIN_NEEDED, { id: 'om:login', error: { code: -32600, message: 'bad key' } });
    expect(refused.ended).toBe('auth_required: Codex refuses the key: bad key');
  });

  it('fails the start when codex leaves in order before it is ready', async () => {
    const bench = await opening({ environment });
    await bench.step((driver) => driver.exited({ exitCode: 0, signal: null }));
    expect(bench.ended).toBe('start_failed: Codex ended before it was ready.');
  });
});

describe('the thread', () => {
  const provider = manifestOf().provider;

  it.each([
    ['ask', 'untrusted', 'workspace-write'], ['deny', 'untrusted', 'read-only'], ['allow', 'on-request', 'workspace-write'],
  ] as const)('of the permission mode %s asks %s in the sandbox %s', async (permissionMode, approvalPolicy, sandbox) => {
    const bench = await working({ manifest: manifestOf({ provider: { ...provider, permissionMode, model: 'gpt-x' } }) });
    expect(bench.sent('thread')[0]).toMatchObject({ method: 'thread/start', params: { approvalPolicy, sandbox, model: 'gpt-x' } });
  });

  it('begins its first turn when all MCP servers are up or have failed, also where codex does not know how to say that', async () => {
    const server = { name: 'files', command: '/bin/mcp', args: [], env: {}, forward: [] };
    for (const answer of [{ result: { data: [] } }, { error: { code: -32600, message: 'unknown variant' } }]) {
      const bench = await opening({ mcpServers: [server] });
      await bench.agent(NO_LOGIN_NEEDED, OPENED, tell('mcpServer/startupStatus/updated', { name: 'files', status: 'failed', error: 'no such file' }));
      expect(bench.said('run_started')).toEqual([]);
      await bench.crash();
      await bench.agent({ id: 'om:servers', ...answer });
      expect(bench.facts.map(({ type }) => type)).toEqual(['metadata', 'run_started', 'turn_started', 'activity']);
      expect(bench.said('metadata')[0].value).toBe('files did not start: no such file');
      expect(bench.said('run_started')[0].agentInfo).toEqual({ name: 'codex', version: '1.2.3' });
    }
  });

  it('is told what every session needs where the home is the user\'s own', async () => {
    const theirs = await working({ environment: { CODEX_HOME: '/home/user/.codex' } });
    expect(theirs.sent('thread')[0].params.config).toEqual({ allow_login_shell: false, tools: { update_plan: { enabled: true } }, projects: { '/repo': { trust_level: 'untrusted' } }, mcp_servers: {} });
    const ours = await working({ environment: { CODEX_HOME: '/state/sess_1/codex' } });
    expect(ours.sent('thread')[0].params.config).toEqual({ mcp_servers: {} });
  });

  it('has the sandbox that its entry names', async () => {
    const bench = await working({ entry: { driver: 'codex', command: ['/bin/codex'], custom: { codex: { sandbox: 'danger-full-access' } } } });
    expect(bench.sent('thread')[0].params.sandbox).toBe('danger-full-access');
  });

  it('is gone on with, and what it counted in earlier runs is not counted again', async () => {
    const bench = await opening({ continueAgentSessionId: 'thr-1' });
    await bench.agent(NO_LOGIN_NEEDED, usage('turn-of-before', 5, 1), OPENED, STARTED, usage('turn-of-before', 5, 1), usage('turn-1', 7, 2), usage('turn-1', 7, 2), completed('completed'));
    expect(bench.sent('thread')[0]).toMatchObject({ method: 'thread/resume', params: { threadId: 'thr-1', excludeTurns: true, cwd: '/repo' } });
    const turn = { tokensIn: 12, tokensOut: 6, cacheRead: 8, cacheWrite: 0, reasoning: 2, requestCount: 1 };
    expect(bench.said('metric')).toEqual([{ type: 'metric', ...turn }, { type: 'metric', ...turn, turn }]);
  });

  it('is gone on with, and its first numbers may be those of a turn of this run', async () => {
    const bench = await opening({ continueAgentSessionId: 'thr-1' });
    await bench.agent(NO_LOGIN_NEEDED, OPENED, STARTED, usage('turn-1', 7, 2));
    expect(bench.said('metric')[0]).toMatchObject({ tokensIn: 12, requestCount: 1 });
  });

  it('counts what a sub-agent uses, and says nothing else of it', async () => {
    const bench = await working();
    const sub = (message: { params: object }) => ({ ...message, params: { ...message.params, threadId: 'thr-2' } });
    await bench.agent(sub(usage('t', 2, 2)), sub(says('hidden')), sub(completed('completed')), completed('completed'));
    expect(bench.said('metric').at(-1)).toMatchObject({ tokensIn: 12, turn: { tokensIn: 12 } });
    expect(bench.said('output')).toEqual([]);
    expect(bench.said('turn_ended')).toHaveLength(1);
  });
});

describe('the end of a turn', () => {
  it.each([
    [{ codexErrorInfo: 'unauthorized' }, 'auth_required'],
    [{ codexErrorInfo: { httpConnectionFailed: { httpStatusCode: 401 } } }, 'auth_required'],
    [{ codexErrorInfo: 'other', message: 'Missing environment variable: `OPENAI_API_KEY`.' }, 'auth_required'],
    [{ codexErrorInfo: { responseTooManyFailedAttempts: { httpStatusCode: 429 } } }, 'rate_limit'],
    [{ codexErrorInfo: 'usageLimitExceeded' }, 'usage_limit'],
    [{ codexErrorInfo: 'internalServerError' }, 'overloaded'],
    [{ codexErrorInfo: { httpConnectionFailed: { httpStatusCode: 529 } } }, 'overloaded'],
    [{ codexErrorInfo: 'badRequest' }, 'bad_request'],
    [{ codexErrorInfo: 'other', message: '{"error":{"message":"no such parameter"}}' }, 'bad_request'],
    [{ codexErrorInfo: { responseStreamDisconnected: { httpStatusCode: null } } }, 'agent_error'],
    [{ codexErrorInfo: 'aNewOne' }, 'agent_error'],
    [{}, 'agent_error'],
  ])('with the error %j is of the code %s', async (error, code) => {
    const bench = await working();
    await bench.agent(tell('error', { error, willRetry: false, turnId: 'turn-1' }), completed('failed', error));
    expect(bench.said('error')).toEqual([{ type: 'error', code, message: expect.any(String) }]);
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'error', message: expect.any(String) }]);
  });

  it.each([['contextWindowExceeded', 'max_tokens'], ['cyberPolicy', 'refusal']])('with %s is %s, and no error beside it', async (codexErrorInfo, stopReason) => {
    const bench = await working();
    await bench.agent(completed('failed', { codexErrorInfo, message: 'why' }));
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason, message: 'why' }]);
    expect(bench.said('error')).toEqual([]);
  });

  it('comes at once where codex would go on trying without a valid key', async () => {
    const bench = await working();
    const error = { message: 'Reconnecting... 1/5', codexErrorInfo: { responseStreamDisconnected: { httpStatusCode: 401 } } };
    await bench.agent(tell('error', { error, willRetry: true, turnId: 'turn-1' }), tell('error', { error, willRetry: true, turnId: 'turn-1' }));
    expect(bench.sent('interrupt:1')).toHaveLength(1);
    await bench.agent({ id: 'om:interrupt:1', result: {} }, completed('interrupted'), { id: 'om:clean:1', result: {} });
    expect(bench.said('error')).toEqual([{ type: 'error', code: 'auth_required', message: 'Reconnecting... 1/5' }]);
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'error', message: 'Reconnecting... 1/5' }]);
  });

  it('does not come for trouble that codex may get over, which is a note', async () => {
    const bench = await working();
    await bench.agent(tell('error', { error: { message: 'Reconnecting... 1/5', codexErrorInfo: 'serverOverloaded' }, willRetry: true, turnId: 'turn-1' }));
    expect(bench.said('metadata')).toEqual([{ type: 'metadata', key: 'retry', value: 'Reconnecting... 1/5' }]);
    expect(bench.status().busy).toBe(true);
  });

  it('is said once, and only of the turn that runs', async () => {
    const bench = await working();
    await bench.agent(completed('completed', null, 'turn-0'), completed('completed'), completed('completed'));
    expect(bench.said('turn_ended')).toHaveLength(1);
  });

  it('comes with an error when codex refuses to begin it', async () => {
    const bench = await opening();
    await bench.agent(NO_LOGIN_NEEDED, OPENED, { id: 'om:turn:first', error: { code: -32600, message: 'no' } });
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'error', message: 'Codex refuses the turn: no' }]);
  });

  it('is the same for a turn that codex began by itself', async () => {
    const bench = await working();
    await bench.agent(completed('completed'), tell('turn/started', { turn: { id: 'turn-2' } }), says('on with the goal'));
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'later' }));
    expect(bench.status()).toMatchObject({ busy: true, queuedInputs: 1 });
    await bench.agent(completed('completed', null, 'turn-2'));
    expect(bench.said('turn_started')).toEqual([{ type: 'turn_started' }, { type: 'turn_started' }, { type: 'turn_started', inputId: 'inp_1' }]);
  });
});

describe('what codex says', () => {
  it.each([
    ['half a frame', '{"method":"item/star'],
    ['no JSON', 'thread panicked'],
    ['an unknown notification', JSON.stringify(tell('thread/hologram', {}))],
    ['an unknown item', JSON.stringify(tell('item/started', { item: { type: 'hologram', id: 'x' } }))],
    ['a delta without a text', JSON.stringify(tell('item/agentMessage/delta', { itemId: 'x', delta: 7 }))],
    ['a plan without a shape', JSON.stringify(tell('turn/plan/updated', { plan: 'look' }))],
    ['an answer to nothing', JSON.stringify({ id: 'om:turn:nobody', result: {} })],
    ['an answer that comes twice', JSON.stringify(STARTED)],
  ])('keeps %s as an unparsed record and goes on', async (_name, line) => {
    const bench = await working();
    await bench.agent(line, completed('completed'));
    expect(bench.said('metadata')).toEqual([{ type: 'metadata', key: 'unparsed', value: line.slice(0, 200) }]);
    expect(bench.said('turn_ended')).toHaveLength(1);
  });

  it('becomes output also where a message comes whole, and is not doubled where it came in pieces', async () => {
    const bench = await working();
    const message = (id: string, text: string) => tell('item/completed', { item: { type: 'agentMessage', id, text } });
    await bench.agent(message('whole', 'All at once.'), says('In pie'), message('msg-1', 'In pieces.'), message('empty', ''));
    expect(bench.said('output').map(({ content }) => content).join('')).toBe('All at once.\nIn pieces.\n');
  });

  it('is bounded: the newest of a long output, now and then, by codex\'s own clock', async () => {
    const bench = await working();
    const output = (delta: string, emittedAtMs: number) => ({ ...tell('item/commandExecution/outputDelta', { itemId: 'call-1', delta }), emittedAtMs });
    await bench.agent(tell('item/started', { item: { type: 'commandExecution', id: 'call-1', command: 'yes', status: 'inProgress' } }));
    for (let n = 0; n < 100; n += 1) await bench.agent(output(`${n} ${'x'.repeat(100)}\n`, 1000 + 10 * n));
    const shown = bench.said('tool_call').slice(1).map(({ content }) => (content as { content: { text: string } }[])[0].content.text);
    expect(shown).toHaveLength(4);
    expect(shown.at(-1)).toMatch(/75 x+\n$/);
    expect(shown.at(-1)!.length).toBeLessThanOrEqual(1024);
    // It may hold a secret.
    expect(JSON.stringify(bench.snapshot())).not.toContain('xxx');
  });

  it('fits into a snapshot, however many commands run and write at once', async () => {
    const bench = await working();
    for (let n = 0; n < 300; n += 1) {
      await bench.agent(tell('item/started', { item: { type: 'commandExecution', id: `call-${n}`, command: '€'.repeat(1000), status: 'inProgress' } }));
      await bench.agent(tell('item/commandExecution/outputDelta', { itemId: `call-${n}`, delta: '€'.repeat(10_000) }), tell('item/commandExecution/outputDelta', { itemId: 'call-0', delta: 'x' }));
    }
    expect(Buffer.byteLength(JSON.stringify(bench.snapshot()))).toBeLessThan(512 * 1024);
    expect(bench.said('tool_call').filter(({ content }) => content)).toHaveLength(300);
  });

  it('is an error where a frame was cut off at the bound', async () => {
    const bench = await working();
    await bench.step((driver) => driver.stdout({ text: '{"method', start: 0, end: 99, truncatedBytes: 90 }));
    expect(bench.said('error')[0]).toMatchObject({ code: 'frame_too_large' });
  });
});
