import type { RunContext } from '../../driver.js';
import { JournaledDriver, runContextOf } from '../../testing/journaled-driver.js';
import { claudeDriver } from '../claude.driver.js';

/** Frames as claude-code 2.1.112 writes them, without what the driver does not read. */
export const SESSION = 'f1a9f0d0-0000-8000-8000-000000000001';
export const initialized = (id = 'om:initialize') => ({ type: 'control_response', response: { subtype: 'success', request_id: id, response: { commands: [], models: [], pid: 1 } } });
export const refused = (id: string, error: string) => ({ type: 'control_response', response: { subtype: 'error', request_id: id, error } });
export const acknowledged = (id: string) => ({ type: 'control_response', response: { subtype: 'success', request_id: id } });
export const system = (subtype: string, more: object = {}) => ({ type: 'system', subtype, session_id: SESSION, ...more });
export const state = (value: 'running' | 'requires_action' | 'idle') => system('session_state_changed', { state: value });
export const init = (more: object = {}) => system('init', { cwd: '/repo', tools: ['Bash'], mcp_servers: [], model: 'claude-sonnet-4-6', permissionMode: 'default', claude_code_version: '2.1.112', ...more });
export const event = (value: object, parent: string | null = null) => ({ type: 'stream_event', event: value, parent_tool_use_id: parent, session_id: SESSION });
export const assistant = (id: string, content: object[], more: object = {}) => ({ type: 'assistant', message: { id, type: 'message', role: 'assistant', content, usage: { output_tokens: 1 } }, parent_tool_use_id: null, session_id: SESSION, ...more });
export const toolUse = (id: string, name: string, input: object) => ({ type: 'tool_use', id, name, input });
export const toolResult = (id: string, content: unknown, more: object = {}, detail: unknown = undefined) => ({
  type: 'user', message: { role: 'user', content: [{ type: 'tool_result', tool_use_id: id, content, ...more }] }, parent_tool_use_id: null, session_id: SESSION, tool_use_result: detail,
});
export const result = (more: object = {}) => ({
  type: 'result', subtype: 'success', is_error: false, num_turns: 1, result: 'Done.', stop_reason: 'end_turn', terminal_reason: 'completed', session_id: SESSION, total_cost_usd: 0, usage: {}, modelUsage: {}, ...more,
});
export const aborted = (more: object = {}) => result({ subtype: 'error_during_execution', is_error: true, terminal_reason: 'aborted_tools', errors: ['[ede_diagnostic]'], ...more });
export const asks = (requestId: string, more: object = {}) => ({
  type: 'control_request', request_id: requestId,
  request: { subtype: 'can_use_tool', tool_name: 'Bash', display_name: 'Bash', input: { command: 'npm view x', description: 'd' }, tool_use_id: 'toolu_1', ...more },
});
export const cancels = (requestId: string) => ({ type: 'control_cancel_request', request_id: requestId });

/** A streamed answer: text, then the frames of the whole message as they come in between. */
export function answer(id: string, said: string, output = 5): object[] {
  const middle = Math.ceil(said.length / 2);
  return [
    event({ type: 'message_start', message: { id, usage: { input_tokens: 10, cache_creation_input_tokens: 4, cache_read_input_tokens: 3, output_tokens: 1 } } }),
    event({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } }),
    event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: said.slice(0, middle) } }),
    event({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: said.slice(middle) } }),
    assistant(id, [{ type: 'text', text: said }]),
    event({ type: 'content_block_stop', index: 0 }),
    event({ type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: output } }),
    event({ type: 'message_stop' }),
  ];
}

/** A run that has shaken hands and works on its first prompt. */
export async function working(run: RunContext = claudeRun()): Promise<JournaledDriver> {
  const bench = new JournaledDriver(claudeDriver, run);
  await bench.step((driver) => driver.start());
  await bench.agent(initialized(), state('running'), init());
  return bench;
}

export function claudeRun(change: Partial<RunContext> = {}): RunContext {
  return runContextOf({ entry: { driver: 'claude-code', command: ['/bin/claude'] }, ...change });
}

/** What was sent under a key, decoded. */
export function sent(bench: JournaledDriver, key: string): Record<string, unknown>[] {
  return bench.sent(key) as unknown as Record<string, unknown>[];
}
