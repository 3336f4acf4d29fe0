import { describe, expect, it } from '@jest/globals';
import { JournaledDriver } from '../testing/journaled-driver.js';
import { claudeDriver } from './claude.driver.js';
import { aborted, acknowledged, answer, asks, assistant, cancels, claudeRun, event, init, initialized, result, sent, state, toolResult, toolUse, working } from './testing/frames.js';

const ENDED = [result(), state('idle')];
const SUGGESTIONS = [{ type: 'addRules', rules: [{ toolName: 'Bash', ruleContent: 'npm view *' }], behavior: 'allow', destination: 'localSettings' }];
const answered = (bench: JournaledDriver, approvalId: string) => (sent(bench, `permission:${approvalId}`)[0]?.response as { request_id: string; response: object } | undefined);

describe('approvals', () => {
  it('ask with what the tool would do, and hand the answer on once', async () => {
    const bench = await working();
    await bench.agent(assistant('m1', [toolUse('toolu_1', 'Bash', { command: 'npm view x' })]), asks('r1', { decision_reason: 'This command requires approval' }));
    const [{ approvalId, title, toolCall, options }] = bench.said('approval_requested');
    expect({ title, toolCall }).toEqual({ title: 'npm view x', toolCall: { toolCallId: 'toolu_1', title: 'npm view x', kind: 'execute', status: 'pending', rawInput: { command: 'npm view x', description: 'd' }, reason: 'This command requires approval' } });
    expect(options.map(({ optionId, kind }) => `${optionId} ${kind}`)).toEqual(['allow allow_once', 'deny reject_once']);
    expect(bench.status().activity).toBe('waiting_approval');

    for (const optionId of ['allow', 'deny']) await bench.step((driver) => driver.answerApproval({ approvalId, optionId }));

    expect(sent(bench, `permission:${approvalId}`)).toHaveLength(1);
    expect(answered(bench, approvalId)).toEqual({ subtype: 'success', request_id: 'r1', response: { behavior: 'allow', updatedInput: {} } });
    expect(bench.said('approval_delivered')).toEqual([{ type: 'approval_delivered', approvalId }]);
    expect(bench.said('tool_call').map(({ status }) => status)).toEqual(['in_progress', 'pending', 'in_progress']);
    expect(bench.status().activity).toBe('executing');
  });

  it('can be given for the rest of the session where the agent says what that means, and never beyond it', async () => {
    const bench = await working();
    await bench.agent(asks('r1', { permission_suggestions: SUGGESTIONS }));
    const [{ approvalId, options }] = bench.said('approval_requested');
    expect(options[1]).toEqual({ optionId: 'allow_always', name: 'Allow, and for the rest of this session: Bash(npm view *)', kind: 'allow_always' });
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'allow_always' }));
    expect(answered(bench, approvalId)!.response).toEqual({ behavior: 'allow', updatedInput: {}, updatedPermissions: [{ ...SUGGESTIONS[0], destination: 'session' }] });
  });

  it.each([
    ['the person\'s reason', { optionId: 'deny', reason: 'not on Fridays' }, 'The permission was denied: not on Fridays'],
    ['no reason', { optionId: 'deny' }, 'The permission was denied.'],
    ['nobody\'s answer in time', { optionId: null, reason: 'nobody answered in time' }, 'The permission was denied: nobody answered in time'],
    ['an option that was not offered', { optionId: 'allow_always' }, 'The permission was denied.'],
  ])('are denied with %s', async (_name, given, message) => {
    const bench = await working();
    await bench.agent(asks('r1'));
    const [{ approvalId }] = bench.said('approval_requested');
    await bench.step((driver) => driver.answerApproval({ approvalId, ...given }));
    expect(answered(bench, approvalId)!.response).toEqual({ behavior: 'deny', message });
  });

  it('are asked for tools that nobody knows, too', async () => {
    const bench = await working();
    await bench.agent(asks('r1', { tool_name: 'Teleport', input: { where: 'away' } }), asks('r2', { tool_name: undefined, input: 'x', tool_use_id: 7 }));
    expect(bench.said('approval_requested').map(({ title }) => title)).toEqual(['Teleport', 'other']);
  });

  it('are withdrawn when the agent takes them back and when the turn ends, and are then not answered', async () => {
    const bench = await working();
    await bench.agent(asks('r1'), asks('r1'), asks('r2'), cancels('r1'), cancels('r9'), ...ENDED);
    const ids = bench.said('approval_requested').map(({ approvalId }) => approvalId);
    expect(bench.said('approval_withdrawn').map(({ approvalId, reason }) => [approvalId, reason])).toEqual([[ids[0], 'The agent withdrew its question.'], [ids[1], 'The turn ended.']]);
    expect(bench.lines.filter(({ key }) => key.startsWith('permission:'))).toEqual([]);
    // The second r1.
    expect(bench.said('metadata').filter(({ key }) => key === 'unparsed')).toHaveLength(1);
  });

  it('are denied beyond the bound of what may be open at once, and outside of a turn', async () => {
    const bench = await working();
    for (let n = 0; n < 33; n += 1) await bench.agent(asks(`r${n}`));
    expect(bench.said('approval_requested')).toHaveLength(32);
    expect(bench.said('error').map(({ code }) => code)).toEqual(['approval_refused']);
    await bench.agent(...ENDED, asks('late'));
    const denied = bench.lines.filter(({ key }) => key.startsWith('permission:')).map(({ line }) => (JSON.parse(line) as { response: { request_id: string; response: { behavior: string } } }).response);
    expect(denied.map(({ request_id, response }) => [request_id, response.behavior])).toEqual([['r32', 'deny'], ['late', 'deny']]);
    expect(bench.said('approval_delivered')).toEqual([]);
  });

  it('stay answerable when the agent did not take the answer', async () => {
    const bench = await working();
    await bench.agent(asks('r1'));
    const [{ approvalId }] = bench.said('approval_requested');
    bench.refuses = new Error('LIMIT_REACHED');
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'allow' }));
    bench.refuses = null;
    expect(bench.said('error')[0].code).toBe('agent_not_reading');
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'allow' }));
    expect(bench.said('approval_delivered')).toHaveLength(1);
  });
});

describe('input', () => {
  it('is held while a turn runs and prompts when it ends', async () => {
    const bench = await working();
    for (const inputId of ['inp_1', 'inp_2']) await bench.step((driver) => driver.input({ inputId, text: inputId }));
    expect(bench.status().queuedInputs).toBe(2);
    await bench.agent(...ENDED);
    expect(sent(bench, 'prompt:2')[0]).toMatchObject({ message: { content: 'inp_1' } });
    await bench.agent(state('running'), ...ENDED);
    expect(bench.said('turn_started').map(({ inputId }) => inputId)).toEqual([undefined, 'inp_1', 'inp_2']);
    expect(bench.said('input_delivered').map(({ inputId }) => inputId)).toEqual(['inp_1', 'inp_2']);
  });

  it('that steers goes into the running turn at once, and is an ordinary one where none runs', async () => {
    const bench = await working();
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'later' }));
    await bench.step((driver) => driver.input({ inputId: 'inp_2', text: 'now', steer: true }));
    expect(sent(bench, 'steer:inp_2')[0]).toMatchObject({ type: 'user', message: { content: 'now' } });
    expect(bench.said('input_delivered')).toEqual([{ type: 'input_delivered', inputId: 'inp_2' }]);
    expect(bench.said('turn_started')).toHaveLength(1);

    await bench.agent(...ENDED);
    await bench.agent(state('running'), ...ENDED);
    await bench.step((driver) => driver.input({ inputId: 'inp_3', text: 'idle', steer: true }));
    expect(bench.said('turn_started').at(-1)).toEqual({ type: 'turn_started', inputId: 'inp_3' });
    expect(sent(bench, 'prompt:3')[0]).toMatchObject({ message: { content: 'idle' } });
  });

  it('that steers waits while the turn is being broken off, and while paused', async () => {
    const bench = await working();
    await bench.step((driver) => driver.pause());
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'one', steer: true }));
    expect(sent(bench, 'steer:inp_1')).toEqual([]);
    await bench.step((driver) => driver.resume());
    expect(sent(bench, 'steer:inp_1')).toHaveLength(1);
    await bench.step((driver) => driver.interrupt());
    await bench.step((driver) => driver.input({ inputId: 'inp_2', text: 'two', steer: true }));
    await bench.agent(acknowledged('om:interrupt:1:1'), aborted(), state('idle'));
    expect(sent(bench, 'prompt:2')[0]).toMatchObject({ message: { content: 'two' } });
  });

  it('fails past the bound instead of growing, and when it cannot be sent', async () => {
    const bench = await working();
    for (const inputId of ['inp_1', 'inp_2']) await bench.step((driver) => driver.input({ inputId, text: 'x'.repeat(200_000) }));
    expect(bench.said('input_failed').map(({ inputId }) => inputId)).toEqual(['inp_2']);

    const other = await working();
    other.refuses = new Error('LIMIT_REACHED');
    await other.step((driver) => driver.input({ inputId: 'inp_1', text: 'steer', steer: true }));
    await other.agent(...ENDED);
    await other.step((driver) => driver.input({ inputId: 'inp_2', text: 'prompt' }));
    expect(other.said('input_failed').map(({ inputId, reason }) => [inputId, reason])).toEqual([['inp_1', 'LIMIT_REACHED'], ['inp_2', 'LIMIT_REACHED']]);
    expect(other.said('input_delivered')).toEqual([]);
    expect(other.said('turn_ended').at(-1)).toMatchObject({ stopReason: 'error' });
    expect(other.status().busy).toBe(false);
  });
});

describe('interrupt, pause, stop', () => {
  it('interrupts once, takes its questions back without an answer, and denies the ones that still come', async () => {
    const bench = await working();
    await bench.agent(asks('r1'));
    for (let n = 0; n < 2; n += 1) await bench.step((driver) => driver.interrupt());
    await bench.agent(cancels('r1'), asks('r2'), acknowledged('om:interrupt:1:1'), aborted(), state('idle'));
    expect(sent(bench, 'interrupt:1:1')).toEqual([{ type: 'control_request', request_id: 'om:interrupt:1:1', request: { subtype: 'interrupt' } }]);
    expect(bench.lines.filter(({ key }) => key.startsWith('permission:'))).toHaveLength(1);
    expect(bench.said('approval_withdrawn').map(({ reason }) => reason)).toEqual(['The turn was interrupted.']);
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'cancelled' }]);
    expect(bench.said('error')).toEqual([]);
    expect(bench.said('metadata').filter(({ key }) => key === 'unparsed')).toEqual([]);
  });

  it('interrupts again when the agent confirmed it and begins all the same, and only then', async () => {
    const bench = await working();
    await bench.step((driver) => driver.interrupt());
    await bench.agent(init(), event({ type: 'message_start', message: { id: 'm1' } }), acknowledged('om:interrupt:1:1'));
    expect(bench.lines.filter(({ key }) => key.startsWith('interrupt:'))).toHaveLength(1);
    await bench.agent(init(), event({ type: 'message_start', message: { id: 'm2' } }));
    expect(bench.lines.filter(({ key }) => key.startsWith('interrupt:')).map(({ key }) => key)).toEqual(['interrupt:1:1', 'interrupt:1:2']);
    await bench.agent(acknowledged('om:interrupt:1:2'), aborted(), state('idle'), acknowledged('om:interrupt:1:2'));
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'cancelled' }]);
  });

  it('is over when the agent was done before it heard of the interrupt', async () => {
    const bench = await working();
    await bench.step((driver) => driver.interrupt());
    await bench.agent(...ENDED, acknowledged('om:interrupt:1:1'));
    expect(bench.said('turn_ended')).toEqual([{ type: 'turn_ended', stopReason: 'end_turn' }]);
    expect(bench.said('metadata').filter(({ key }) => key === 'unparsed')).toEqual([]);
  });

  it('does nothing to interrupt an idle agent, and can try again what could not be sent', async () => {
    const bench = await working();
    bench.refuses = new Error('LIMIT_REACHED');
    await bench.step((driver) => driver.interrupt());
    bench.refuses = null;
    await bench.step((driver) => driver.interrupt());
    expect(sent(bench, 'interrupt:1:1')).toHaveLength(1);
    await bench.agent(acknowledged('om:interrupt:1:1'), aborted(), state('idle'));
    const before = bench.lines.length;
    await bench.step((driver) => driver.interrupt());
    expect(bench.lines).toHaveLength(before);
  });

  it('holds answers and input while paused, and hands them over on resume', async () => {
    const bench = await working();
    await bench.agent(asks('r1'));
    const [{ approvalId }] = bench.said('approval_requested');
    for (let n = 0; n < 2; n += 1) await bench.step((driver) => driver.pause());
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'allow' }));
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'one' }));
    await bench.agent(...answer('m1', 'still talking'));
    expect(answered(bench, approvalId)).toBeUndefined();
    expect(bench.said('paused')).toHaveLength(1);
    await bench.step((driver) => driver.resume());
    expect(bench.said('approval_delivered')).toHaveLength(1);
    await bench.agent(...ENDED);
    expect(bench.said('input_delivered')).toHaveLength(1);
  });

  it('takes nothing more once it stops, and withdraws what is open when the agent is gone', async () => {
    const bench = await working();
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'one' }));
    await bench.step((driver) => driver.stop());
    await bench.step((driver) => driver.input({ inputId: 'inp_2', text: 'two' }));
    expect(bench.said('input_failed').map(({ inputId }) => inputId)).toEqual(['inp_1', 'inp_2']);
    expect(sent(bench, 'interrupt:1:1')).toHaveLength(1);

    const dying = await working();
    await dying.agent(asks('r1'));
    dying.writes = false;
    await dying.step((driver) => driver.input({ inputId: 'inp_1', text: 'one', steer: true }));
    await dying.step((driver) => driver.input({ inputId: 'inp_2', text: 'two' }));
    await dying.step((driver) => driver.exited({ exitCode: 1, signal: null }));
    expect(dying.said('approval_withdrawn')).toHaveLength(1);
    expect(dying.said('input_failed').map(({ inputId }) => inputId)).toEqual(['inp_1', 'inp_2']);
    expect(dying.status().busy).toBe(false);
  });
});

describe('recovery', () => {
  const play: ((bench: JournaledDriver) => Promise<void>)[] = [
    (bench) => bench.step((driver) => driver.start()),
    (bench) => bench.agent(initialized()),
    (bench) => bench.agent(state('running'), init(), ...answer('m1', 'one'), assistant('m1', [toolUse('toolu_1', 'Bash', { command: 'npm view x' })])),
    (bench) => bench.agent(asks('r1', { permission_suggestions: SUGGESTIONS })),
    (bench) => bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'next' })),
    (bench) => bench.step((driver) => driver.input({ inputId: 'inp_2', text: 'now', steer: true })),
    (bench) => bench.step((driver) => driver.answerApproval({ approvalId: 'approval_1', optionId: 'allow_always', reason: 'why not' })),
    (bench) => bench.agent(toolResult('toolu_1', 'ok'), ...answer('m2', 'two')),
    (bench) => bench.agent(result({ modelUsage: { m: { inputTokens: 20, outputTokens: 10 } }, total_cost_usd: 1 }), state('idle')),
    (bench) => bench.agent(state('running'), init(), asks('r2')),
    (bench) => bench.step((driver) => driver.interrupt()),
    (bench) => bench.agent(acknowledged('om:interrupt:2:1'), init()),
    (bench) => bench.agent(acknowledged('om:interrupt:2:2'), aborted({ modelUsage: { m: { inputTokens: 25, outputTokens: 12 } }, total_cost_usd: 1.5 }), state('idle')),
  ];

  async function perform(crashAfter: number, written: boolean): Promise<JournaledDriver> {
    const bench = new JournaledDriver(claudeDriver, claudeRun());
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
    expect(recovered.facts.map(toJson).sort()).toEqual(undisturbed.facts.map(toJson).sort());
  });

  it('says that input and answers were delivered when they were written and nobody had heard of it', async () => {
    const bench = await working();
    bench.confirms = false;
    await bench.agent(asks('r1'));
    const [{ approvalId }] = bench.said('approval_requested');
    await bench.step((driver) => driver.answerApproval({ approvalId, optionId: 'allow' }));
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'steer', steer: true }));
    expect(bench.said('approval_delivered')).toEqual([]);
    bench.confirms = true;
    await bench.crash();
    expect(bench.said('approval_delivered')).toEqual([{ type: 'approval_delivered', approvalId }]);
    expect(bench.said('input_delivered')).toEqual([{ type: 'input_delivered', inputId: 'inp_1' }]);
    expect(sent(bench, 'steer:inp_1')).toHaveLength(1);
  });

  it('names every message anew from what it is, so that the agent skips one that it has had', async () => {
    const ids = async () => {
      const bench = await perform(-1, true);
      return ['prompt:1', 'steer:inp_2', 'prompt:2'].map((key) => sent(bench, key)[0].uuid);
    };
    const first = await ids();
    expect(await ids()).toEqual(first);
    expect(new Set(first).size).toBe(3);
  });
});

function toJson(value: unknown): string {
  return JSON.stringify(value);
}
