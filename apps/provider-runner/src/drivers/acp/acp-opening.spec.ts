import { describe, expect, it } from '@jest/globals';
import { acpDriver } from './acp.driver.js';
import { JournaledDriver, runContextOf } from '../testing/journaled-driver.js';

const INITIALIZED = { id: 'om:initialize', result: { protocolVersion: 1, agentInfo: { name: 'scripted', version: '1.2.3' }, agentCapabilities: { loadSession: true } } };
const OPENED = { id: 'om:session', result: { sessionId: 'conv-1' } };
const update = (fields: object) => ({ method: 'session/update', params: { sessionId: 'conv-1', update: fields } });
const says = (text: string) => update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });

describe('going on with a conversation', () => {
  it('says nothing of the history that session/load repeats', async () => {
    const bench = new JournaledDriver(acpDriver, runContextOf({ continueAgentSessionId: 'conv-1' }));
    await bench.step((driver) => driver.start());
    await bench.agent(INITIALIZED, says('old'), { id: 'om:session', result: {} }, says('new'));
    expect(bench.sent('session')[0]).toMatchObject({ method: 'session/load', params: { sessionId: 'conv-1' } });
    expect(bench.said('output').map(({ content }) => content)).toEqual(['new']);
  });

  it('says nothing of that history either when the runner dies in the middle of it', async () => {
    const bench = new JournaledDriver(acpDriver, runContextOf({ continueAgentSessionId: 'conv-1' }));
    await bench.step((driver) => driver.start());
    const toldAgain = [
      update({ sessionUpdate: 'user_message_chunk', content: { type: 'text', text: 'asked' } }), says('old'),
      update({ sessionUpdate: 'tool_call', toolCallId: 'a', title: 'Read x', kind: 'read', status: 'completed' }),
      update({ sessionUpdate: 'plan', entries: [{ content: 'look', status: 'completed' }] }),
      update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: '' }, _meta: { usage: { inputTokens: 3, outputTokens: 1, totalTokens: 4 } } }),
    ];
    await bench.agent(INITIALIZED, ...toldAgain);
    await bench.crash();
    await bench.agent(...toldAgain, { id: 'om:session', result: {} }, says('new'));
    expect(bench.facts.map(({ type }) => type)).toEqual(['run_started', 'turn_started', 'activity', 'output']);
    expect(bench.said('output')[0].content).toBe('new');
  });

  it('fails the start, with the agent\'s reason, when the conversation is not there any more; it never opens another', async () => {
    const bench = new JournaledDriver(acpDriver, runContextOf({ continueAgentSessionId: 'conv-1' }));
    await bench.step((driver) => driver.start());
    await bench.agent(INITIALIZED, { id: 'om:session', error: { code: -32002, message: 'Resource not found: conv-1' } });
    expect(bench.ended).toBe('start_failed: Resource not found: conv-1');
    expect(bench.sent('session').map(({ method }) => method)).toEqual(['session/load']);
    expect(bench.said('run_started')).toEqual([]);
  });

  it('prefers session/resume, and refuses to continue where neither is offered or the entry says it is broken', async () => {
    const resuming = new JournaledDriver(acpDriver, runContextOf({ continueAgentSessionId: 'conv-1' }));
    await resuming.step((driver) => driver.start());
    await resuming.agent({ ...INITIALIZED, result: { ...INITIALIZED.result, agentCapabilities: { loadSession: true, sessionCapabilities: { resume: {} } } } });
    expect(resuming.sent('session')[0].method).toBe('session/resume');

    const entry = { driver: 'acp', command: ['/bin/agent'], custom: { acp: { continue: false } } };
    const broken = new JournaledDriver(acpDriver, runContextOf({ entry, continueAgentSessionId: 'conv-1' }));
    await broken.step((driver) => driver.start());
    await broken.agent(INITIALIZED);
    expect(broken.ended).toMatch(/^config_invalid/);
    expect(acpDriver.capabilities(entry).continue).toBe(false);
  });

  it('tells no id of a conversation that the agent could not go on with', async () => {
    const bench = new JournaledDriver(acpDriver);
    await bench.step((driver) => driver.start());
    await bench.agent({ ...INITIALIZED, result: { ...INITIALIZED.result, agentCapabilities: { loadSession: false } } }, OPENED);
    expect(bench.said('run_started')).toEqual([{ type: 'run_started', pid: 4711, agentInfo: { name: 'scripted', version: '1.2.3' } }]);
    expect(bench.sent('prompt:first')[0].params.sessionId).toBe('conv-1');
  });
});
