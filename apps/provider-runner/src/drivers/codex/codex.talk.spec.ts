import { describe, expect, it } from '@jest/globals';
import type { Driver } from '../driver.js';
import { NO_LOGIN_NEEDED, OPENED, STARTED, tell, completed, asks, opening, working } from './testing/frames.js';

describe('questions', () => {
  const ask = async (method: string, params: object) => {
    const bench = await working();
    await bench.agent({ id: 0, method, params: { threadId: 'thr-1', ...params } });
    return bench;
  };

  it('about permissions are granted as asked, for the turn or the session', async () => {
    const bench = await ask('item/permissions/requestApproval', { itemId: 'i', reason: 'to fetch', permissions: { network: { enabled: true }, fileSystem: null } });
    expect(bench.said('approval_requested')[0]).toMatchObject({ title: 'to fetch', options: [{ kind: 'allow_once' }, { kind: 'allow_always' }, { kind: 'reject_once' }] });
    await bench.step((driver) => driver.answerApproval({ approvalId: 'approval_1', optionId: 'acceptForSession' }));
    expect(bench.sent('answer:approval_1')[0].result).toEqual({ permissions: { network: { enabled: true } }, scope: 'session' });
  });

  it('that are too large to be granted leave only the refusal', async () => {
    const bench = await ask('item/commandExecution/requestApproval', { command: 'x', availableDecisions: ['accept', { acceptWithExecpolicyAmendment: { execpolicy_amendment: ['x'.repeat(10_000)] } }, 'cancel'] });
    expect(bench.said('approval_requested')[0].options.map(({ optionId }) => optionId)).toEqual(['accept', 'decline', 'cancel']);
  });

  it.each([
    ['item/tool/requestUserInput', { questions: [{ id: 'q', question: 'Which one?' }] }, { answers: {} }, /Which one\?/],
    ['mcpServer/elicitation/request', { mode: 'form', serverName: 's', message: 'Your name?', requestedSchema: { type: 'object', properties: { name: {} } } }, { action: 'decline', content: null, _meta: null }, /Your name\?/],
    ['mcpServer/elicitation/request', { mode: 'url', serverName: 's', message: 'Go there', url: 'https://x' }, { action: 'decline', content: null, _meta: null }, /Go there/],
  ])('of the kind %s that want words are answered at once with none, and shown', async (method, params, result, shown) => {
    const bench = await ask(method, params);
    expect(JSON.parse(bench.lines.at(-1)!.line)).toEqual({ jsonrpc: '2.0', id: 0, result });
    expect(bench.said('metadata')).toEqual([{ type: 'metadata', key: 'unanswered_question', value: expect.stringMatching(shown) }]);
    expect(bench.said('approval_delivered')).toEqual([]);
  });

  it('of other kinds are refused', async () => {
    const bench = await ask('item/tool/call', { tool: 'x' });
    expect(bench.sent('refuse:0')[0]).toMatchObject({ id: 0, error: { code: -32601 } });
  });

  it('are withdrawn when codex says that they are settled, when the turn ends, and when codex is gone', async () => {
    const bench = await working();
    await bench.agent(asks(0), asks(1), tell('serverRequest/resolved', { requestId: 0 }), completed('completed'));
    expect(bench.said('approval_withdrawn').map(({ approvalId }) => approvalId)).toEqual(['approval_1', 'approval_2']);
    expect(bench.sent('answer:approval_1')).toEqual([]);

    const dying = await working();
    await dying.agent(asks(0));
    await dying.step((driver) => driver.exited({ exitCode: null, signal: 'SIGKILL' }));
    expect(dying.said('approval_withdrawn')).toHaveLength(1);
    expect(dying.status()).toEqual({ activity: 'idle', busy: false, queuedInputs: 0 });
  });

  it('are answered with cancel where nobody chooses or what is chosen was not offered, without a reason to read', async () => {
    const bench = await working();
    await bench.agent(asks(0), asks(1));
    await bench.step((driver) => driver.answerApproval({ approvalId: 'approval_1', optionId: null, reason: 'gone' }));
    await bench.step((driver) => driver.answerApproval({ approvalId: 'approval_2', optionId: 'toString' }));
    for (const id of ['approval_1', 'approval_2']) expect(bench.sent(`answer:${id}`)[0].result).toEqual({ decision: 'cancel' });
    expect(bench.lines.some(({ key }) => key.startsWith('reason:'))).toBe(false);
  });

  it('stay answerable when codex did not take the answer, and are refused beyond the bound', async () => {
    const bench = await working();
    for (let id = 0; id < 33; id += 1) await bench.agent(asks(id));
    expect(bench.said('approval_requested')).toHaveLength(32);
    expect(bench.said('error').map(({ code }) => code)).toEqual(['approval_refused']);
    bench.refuses = new Error('LIMIT_REACHED');
    await bench.step((driver) => driver.answerApproval({ approvalId: 'approval_1', optionId: 'accept' }));
    bench.refuses = null;
    await bench.step((driver) => driver.answerApproval({ approvalId: 'approval_1', optionId: 'accept' }));
    expect(bench.said('approval_delivered')).toHaveLength(1);
  });
});

describe('input, interrupt, pause, stop', () => {
  const input = (inputId: string, steer?: boolean) => (driver: Driver) => driver.input({ inputId, text: inputId, ...(steer ? { steer } : {}) });

  it('steers as soon as codex has said the turn\'s id, and puts what came too late before all other input', async () => {
    const bench = await opening();
    await bench.agent(NO_LOGIN_NEEDED, OPENED);
    await bench.step(input('inp_next'));
    await bench.step(input('inp_now', true));
    expect(bench.sent('steer:inp_now')).toEqual([]);
    await bench.agent(STARTED);
    expect(bench.sent('steer:inp_now')[0]).toMatchObject({ method: 'turn/steer', params: { threadId: 'thr-1', expectedTurnId: 'turn-1' } });
    await bench.agent(completed('completed'));
    expect(bench.sent('turn:inp_next')).toEqual([]);
    await bench.agent({ id: 'om:steer:inp_now', error: { code: -32600, message: 'no active turn to steer' } });
    expect(bench.said('turn_started').map(({ inputId }) => inputId)).toEqual([undefined, 'inp_now']);
    expect(bench.status().queuedInputs).toBe(1);
  });

  it('interrupts a turn whose id codex has not said yet, once it has', async () => {
    const bench = await opening();
    await bench.agent(NO_LOGIN_NEEDED, OPENED);
    await bench.step((driver) => driver.interrupt());
    expect(bench.sent('interrupt:1')).toEqual([]);
    await bench.agent(STARTED, tell('turn/started', { turn: { id: 'turn-1' } }));
    expect(bench.sent('interrupt:1')).toHaveLength(1);
    await bench.agent(completed('interrupted'));
    expect(bench.said('turn_ended')).toEqual([]);
    await bench.agent({ id: 'om:clean:1', error: { code: -32600, message: 'unknown variant' } });
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'cancelled' }]);
  });

  it('refuses questions that come after the interrupt, and interrupts again where codex did not', async () => {
    const bench = await working();
    await bench.step((driver) => driver.interrupt());
    await bench.agent(asks(0), { id: 'om:interrupt:1', error: { code: -32600, message: 'no' } });
    expect(bench.said('approval_requested')).toEqual([]);
    await bench.step((driver) => driver.interrupt());
    expect(bench.sent('interrupt:1')).toHaveLength(2);
  });

  it('holds answers, steering and input while paused, and hands them over on resume', async () => {
    const bench = await working();
    await bench.agent(asks(0));
    await bench.step((driver) => driver.pause());
    await bench.step((driver) => driver.pause());
    await bench.step((driver) => driver.answerApproval({ approvalId: 'approval_1', optionId: 'decline', reason: 'no' }));
    await bench.step(input('inp_now', true));
    expect(bench.lines.at(-1)!.key).toBe('turn:first');
    await bench.step((driver) => driver.resume());
    expect(bench.lines.slice(-3).map(({ key }) => key)).toEqual(['reason:approval_1', 'answer:approval_1', 'steer:inp_now']);
    expect(bench.said('paused')).toHaveLength(1);
  });

  it('fails input past the bound, and all of it when it stops or codex is gone', async () => {
    const bench = await working();
    await bench.step((driver) => driver.input({ inputId: 'inp_big', text: 'x'.repeat(300_000) }));
    await bench.step(input('inp_1'));
    await bench.step((driver) => driver.stop());
    await bench.step(input('inp_2'));
    expect(bench.said('input_failed').map(({ inputId }) => inputId)).toEqual(['inp_big', 'inp_1', 'inp_2']);
    expect(bench.sent('interrupt:1')).toHaveLength(1);

    const dying = await working();
    await dying.step(input('inp_steer', true));
    await dying.step(input('inp_1'));
    await dying.step((driver) => driver.exited({ exitCode: 1, signal: null }));
    expect(dying.said('input_failed').map(({ inputId }) => inputId)).toEqual(['inp_steer', 'inp_1']);
  });

  it('says input_failed and ends the turn when a prompt cannot be sent, and keeps a steering that cannot', async () => {
    const bench = await working();
    bench.refuses = new Error('LIMIT_REACHED');
    await bench.step(input('inp_now', true));
    expect(bench.status().queuedInputs).toBe(1);
    await bench.agent(completed('completed'));
    bench.refuses = null;
    expect(bench.said('input_failed')).toEqual([{ type: 'input_failed', inputId: 'inp_now', reason: 'LIMIT_REACHED' }]);
    expect(bench.said('turn_ended').at(-1)).toMatchObject({ stopReason: 'error' });
    expect(bench.status()).toEqual({ activity: 'idle', busy: false, queuedInputs: 0 });
  });
});
