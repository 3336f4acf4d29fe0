import type { RunContext } from '../../driver.js';
import { JournaledDriver, runContextOf } from '../../testing/journaled-driver.js';
import { codexDriver } from '../codex.driver.js';

/** Frames of codex, as small as a spec wants them, and conversations that have come so far. */
export const INITIALIZED = { id: 'om:initialize', result: { codexHome: '/state' } };
export const NO_LOGIN_NEEDED = { id: 'om:account', result: { account: null, requiresOpenaiAuth: false } };
export const LOGIN_NEEDED = { id: 'om:account', result: { account: null, requiresOpenaiAuth: true } };
export const OPENED = { id: 'om:thread', result: { thread: { id: 'thr-1', cliVersion: '1.2.3' } } };
export const STARTED = { id: 'om:turn:first', result: { turn: { id: 'turn-1' } } };
export const tell = (method: string, params: object) => ({ method, params: { threadId: 'thr-1', ...params } });
export const completed = (status: string, error: object | null = null, id = 'turn-1') => tell('turn/completed', { turn: { id, status, error } });
export const says = (delta: string) => tell('item/agentMessage/delta', { itemId: 'msg-1', delta });
export const asks = (id: number) => ({ id, method: 'item/commandExecution/requestApproval', params: { threadId: 'thr-1', itemId: 'call-1', command: 'touch x', cwd: '/repo' } });
export const usage = (turnId: string, total: number, last: number) => tell('thread/tokenUsage/updated', {
  turnId, tokenUsage: { total: { inputTokens: 10 * total, cachedInputTokens: 4 * total, outputTokens: 3 * total, reasoningOutputTokens: total }, last: { inputTokens: 10 * last, cachedInputTokens: 4 * last, outputTokens: 3 * last, reasoningOutputTokens: last } },
});

export async function opening(change: Partial<RunContext> = {}): Promise<JournaledDriver> {
  const bench = new JournaledDriver(codexDriver, runContextOf({ entry: { driver: 'codex', command: ['/bin/codex'] }, ...change }));
  await bench.step((driver) => driver.start());
  await bench.agent(INITIALIZED);
  return bench;
}

export async function working(change: Partial<RunContext> = {}): Promise<JournaledDriver> {
  const bench = await opening(change);
  await bench.agent(NO_LOGIN_NEEDED, OPENED, STARTED);
  return bench;
}
