import type { InitializeRequest, LoadSessionRequest, NewSessionRequest, PromptRequest, RequestPermissionResponse, SetSessionConfigOptionRequest, SetSessionModeRequest } from '@agentclientprotocol/sdk/unstable';
import { TRACE_VARIABLE } from '../../run/agent-environment.js';
import { CLIENT_VERSION } from '../wire/client.js';
import { encodeError, encodeNotification, encodeRequest, encodeResult, RPC_METHOD_NOT_FOUND, type RpcId } from '../wire/json-rpc.js';
import { acpOptionsOf, trustsProject, type AcpOptions } from './acp-options.js';
import type { AcpState } from './acp-state.js';
import type { McpServerLaunch, RunContext } from '../driver.js';

/** Version 1 is the stable one; agents that speak another are refused. */
export const ACP_PROTOCOL_VERSION = 1;

const ID_PREFIX = 'om:';
const REFUSE = 'refuse:';
const PERMISSION = 'permission:';
const CANCEL = 'cancel:';
export const PROMPT = 'prompt:';
export const STEER = 'steer:';

/** The id on the wire of the request that `key` names, and back. */
export const idOfKey = (key: string): string => `${ID_PREFIX}${key}`;
export const keyOfId = (id: RpcId): string | null => (typeof id === 'string' && id.startsWith(ID_PREFIX) ? id.slice(ID_PREFIX.length) : null);

export const promptKey = (inputId: string | undefined): string => `${PROMPT}${inputId ?? 'first'}`;
export const steerKey = (inputId: string): string => `${STEER}${inputId}`;
export const permissionKey = (approvalId: string): string => `${PERMISSION}${approvalId}`;
export const cancelKey = (turn: number): string => `${CANCEL}${turn}`;
export const refuseKey = (id: RpcId): string => `${REFUSE}${JSON.stringify(id)}`;

/**
 * The line a key stands for, from the state alone: what was journaled and not written is made again,
 * byte for byte, after a crash. Undefined where the state says that it is not needed any more.
 */
export function lineOfKey(key: string, state: AcpState, run: RunContext): string | undefined {
  const id = idOfKey(key);
  if (key === 'initialize') return encodeRequest(id, 'initialize', initializeParams());
  if (key === 'session') return state.opening ? encodeRequest(id, state.opening, openParams(state, run)) : undefined;
  if (key === 'mode') return encodeRequest(id, 'session/set_mode', { sessionId: state.agentSessionId ?? '', modeId: state.mode ?? '' } satisfies SetSessionModeRequest);
  if (key === 'model') return state.model ? modelRequest(id, state.model.configId, state, run) : undefined;
  if (key.startsWith(REFUSE)) {
    const error = { code: RPC_METHOD_NOT_FOUND, message: 'OrbitMesh does not offer this method.' };
    return encodeError(JSON.parse(key.slice(REFUSE.length)) as RpcId, error);
  }
  if (key.startsWith(PERMISSION)) {
    const answer = state.sentAnswers.find(({ approvalId }) => permissionKey(approvalId) === key);
    return answer && encodeResult(answer.requestId, permissionResult(answer.optionId));
  }
  if (!state.agentSessionId) return undefined;
  if (key.startsWith(STEER)) {
    const steer = state.steers.find(({ inputId }) => steerKey(inputId) === key);
    return steer && encodeRequest(id, '_session/steering', { ...promptParams(state.agentSessionId, steer.text, run), _meta: { ...traceMeta(run), steering: { idleBehavior: 'promptRequired' } } });
  }
  if (!state.turn) return undefined;
  if (key === cancelKey(state.turns)) return encodeNotification('session/cancel', { sessionId: state.agentSessionId });
  if (key !== promptKey(state.turn.inputId)) return undefined;
  return encodeRequest(id, 'session/prompt', promptParams(state.agentSessionId, state.turn.text ?? firstPrompt(run), run));
}

function promptParams(sessionId: string, text: string, run: RunContext): PromptRequest {
  return { sessionId, prompt: [{ type: 'text', text }], ...metaOf(traceMeta(run)) };
}

/** Where ACP has the W3C trace context (root keys of `_meta` that the protocol reserves for it): as the agent has it in its environment. */
function traceMeta({ environment: { [TRACE_VARIABLE]: traceparent } }: RunContext): { traceparent?: string } {
  return traceparent === undefined ? {} : { traceparent };
}

function metaOf(meta: object): { _meta?: Record<string, unknown> } {
  return Object.keys(meta).length > 0 ? { _meta: { ...meta } } : {};
}

function initializeParams(): InitializeRequest {
  return {
    protocolVersion: ACP_PROTOCOL_VERSION,
    clientInfo: { name: 'orbitmesh', version: CLIENT_VERSION },
    // The agent works on its own files with its own tools: what is not offered here is refused.
    clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
  };
}

function openParams(state: AcpState, run: RunContext): NewSessionRequest | LoadSessionRequest {
  const options = acpOptionsOf(run.entry);
  const { forwards, meta } = options;
  const mcpServers = run.mcpServers.map((server) => ({ ...server, env: environmentOf(server, forwards, run.environment) })).map(mcpServerOf);
  const params = { cwd: run.workingDir, mcpServers, ...metaOf({ ...traceMeta(run), ...(!trustsProject(options, run.manifest) && meta) }) };
  return state.opening === 'session/new' ? params : { ...params, sessionId: run.continueAgentSessionId ?? '' };
}

/** A stable configuration option where the agent has one; `session/set_model` never left the draft, and gemini has only that. */
function modelRequest(id: string, configId: string | null, { agentSessionId }: AcpState, { manifest }: RunContext): string {
  const sessionId = agentSessionId ?? '';
  const model = manifest.provider.model ?? '';
  return configId === null
    ? encodeRequest(id, 'session/set_model', { sessionId, modelId: model })
    : encodeRequest(id, 'session/set_config_option', { sessionId, configId, value: model } satisfies SetSessionConfigOptionRequest);
}

/** Most agents start a server with little of their own environment (gemini-cli leaves out whatever looks like a token): what it needs goes over the wire. */
function environmentOf({ env, forward, own }: McpServerLaunch, forwards: AcpOptions['forwards'], environment: RunContext['environment']): Record<string, string> {
  if (forwards === 'inherited') return own ? env : { ORBITMESH_TOKEN: '', ...env };
  return { ...Object.fromEntries(forward.flatMap((variable) => (environment[variable] === undefined ? [] : [[variable, environment[variable]]]))), ...env };
}

function mcpServerOf({ name, command, args, env }: McpServerLaunch) {
  return { name, command, args, env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })) };
}

/** ACP has no system prompt: it stands before the first prompt, under a heading (design §8). */
function firstPrompt({ manifest }: RunContext): string {
  return manifest.systemPrompt.trim() ? `# System prompt\n\n${manifest.systemPrompt}\n\n# Task\n\n${manifest.prompt}` : manifest.prompt;
}

function permissionResult(optionId: string | null): RequestPermissionResponse {
  return { outcome: optionId === null ? { outcome: 'cancelled' } : { outcome: 'selected', optionId } };
}
