import { createHash } from 'node:crypto';
import type { RunContext } from '../driver.js';
import type { Fields } from '../wire/fields.js';
import type { ClaudeState, SentAnswer } from './claude-state.js';

const ID_PREFIX = 'om:';
export const PROMPT = 'prompt:';
const STEER = 'steer:';
const PERMISSION = 'permission:';
const INTERRUPT = 'interrupt:';
const REFUSE = 'refuse:';
export const INITIALIZE = 'initialize';
/** What was counted before this process: newer releases go on counting where a continued conversation ended. */
export const USAGE = 'usage';

/** The id on the wire of the request that `key` names, and back. */
export const idOfKey = (key: string): string => `${ID_PREFIX}${key}`;
export const keyOfId = (id: string): string | null => (id.startsWith(ID_PREFIX) ? id.slice(ID_PREFIX.length) : null);

export const promptKey = (turn: number): string => `${PROMPT}${turn}`;
export const steerKey = (inputId: string): string => `${STEER}${inputId}`;
export const permissionKey = (approvalId: string): string => `${PERMISSION}${approvalId}`;
export const interruptKey = (turn: number, time: number): string => `${INTERRUPT}${turn}:${time}`;
export const refuseKey = (requestId: string): string => `${REFUSE}${requestId}`;

/**
 * The id of a run's conversation, known before its process is: the one it goes on with, else a UUID made
 * from the run's id, so that the command line and the driver come to the same one.
 */
export function conversationIdOf({ runId, continueAgentSessionId }: Pick<RunContext, 'runId' | 'continueAgentSessionId'>): string {
  return continueAgentSessionId ?? uuidOf(runId);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Claude Code's are UUIDs; whatever else stands in their place must not get onto a command line. */
export function isConversationId(id: unknown): id is string {
  return typeof id === 'string' && UUID.test(id);
}

/** A UUID (version 8) made from a name. */
function uuidOf(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  const variant = (8 + (parseInt(hex[16], 16) % 4)).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/**
 * The line a key stands for, from the state alone: what was journaled and not written is made again,
 * byte for byte, after a crash. Undefined where the state says that it is not needed any more.
 */
export function lineOfKey(key: string, state: ClaudeState, run: RunContext): string | undefined {
  if (key === INITIALIZE) return request(key, { subtype: 'initialize', ...(run.manifest.systemPrompt.trim() ? { appendSystemPrompt: run.manifest.systemPrompt } : {}) });
  if (key === USAGE) return request(key, { subtype: 'get_usage' });
  if (key.startsWith(REFUSE)) {
    return response({ subtype: 'error', request_id: key.slice(REFUSE.length), error: 'OrbitMesh does not offer this.' });
  }
  if (key.startsWith(PERMISSION)) {
    const answer = state.sentAnswers.find(({ approvalId }) => permissionKey(approvalId) === key);
    return answer && response({ subtype: 'success', request_id: answer.requestId, response: decisionOf(answer) });
  }
  if (key.startsWith(STEER)) {
    const steer = state.steers.find(({ inputId }) => steerKey(inputId) === key);
    return steer && userMessage(steer.text, `${run.runId}/${key}`, state);
  }
  if (!state.turn) return undefined;
  if (key.startsWith(INTERRUPT)) return request(key, { subtype: 'interrupt' });
  if (key !== promptKey(state.turns) || state.turn.delivered) return undefined;
  return userMessage(state.turn.text ?? run.manifest.prompt, `${run.runId}/${key}`, state);
}

/** The agent skips a message whose id it has had: one that is sent again is not acted on twice. */
function userMessage(content: string, name: string, { agentSessionId }: ClaudeState): string {
  return JSON.stringify({ type: 'user', message: { role: 'user', content }, parent_tool_use_id: null, session_id: agentSessionId, uuid: uuidOf(name) });
}

/** "Always" holds for this process: what is written into the project's settings would outlive the session that was asked. */
function decisionOf({ optionId, reason, always }: SentAnswer): Fields {
  switch (optionId) {
    case 'allow':
      // No changes to the tool's input: it is taken as it was asked for.
      return { behavior: 'allow', updatedInput: {} };
    case 'allow_always':
      return { behavior: 'allow', updatedInput: {}, updatedPermissions: always.map((rule) => ({ ...rule, destination: 'session' })) };
    default:
      return { behavior: 'deny', message: reason ? `The permission was denied: ${reason}` : 'The permission was denied.' };
  }
}

function request(key: string, body: Fields): string {
  return JSON.stringify({ type: 'control_request', request_id: idOfKey(key), request: body });
}

function response(body: Fields): string {
  return JSON.stringify({ type: 'control_response', response: body });
}
