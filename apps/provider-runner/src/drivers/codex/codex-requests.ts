import { CLIENT_VERSION } from '../wire/client.js';
import { encodeError, encodeNotification, encodeRequest, encodeResult, RPC_METHOD_NOT_FOUND, type RpcId } from '../wire/json-rpc.js';
import type { McpServerLaunch, RunContext } from '../driver.js';
import { MCP_STARTUP_SECONDS, MCP_TOOL_SECONDS, REASON_CHARACTERS_MAX } from './codex.limits.js';
import { homeIn, KEY_VARIABLES, SESSION_SETTINGS, trustIn } from './codex-launch.js';
import { CODEX_HOME, codexOptionsOf } from './codex-options.js';
import type { CodexState } from './codex-state.js';
import { UNWANTED } from './codex-updates.js';

const ID_PREFIX = 'om:';
export const REFUSE = 'refuse:';
export const TURN = 'turn:';
export const STEER = 'steer:';
export const REASON = 'reason:';
export const ANSWER = 'answer:';
export const INTERRUPT = 'interrupt:';
export const CLEAN = 'clean:';

/** The id on the wire of the request that `key` names, and back. */
export const keyOfId = (id: RpcId): string | null => (typeof id === 'string' && id.startsWith(ID_PREFIX) ? id.slice(ID_PREFIX.length) : null);

export const turnKey = (inputId: string | undefined): string => `${TURN}${inputId ?? 'first'}`;
export const refuseKey = (id: RpcId): string => `${REFUSE}${JSON.stringify(id)}`;

/**
 * The line a key stands for, from the state alone: what was journaled and not written is made again,
 * byte for byte, after a crash. Undefined where the state says that it is not needed any more.
 *
 * @see `codex app-server generate-ts`
 */
export function lineOfKey(key: string, state: CodexState, run: RunContext): string | undefined {
  const id = `${ID_PREFIX}${key}`;
  switch (key) {
    case 'initialize': return encodeRequest(id, 'initialize', initializeParams());
    case 'initialized': return encodeNotification('initialized', {});
    case 'account': return encodeRequest(id, 'account/read', { refreshToken: false });
    case 'login': return encodeRequest(id, 'account/login/start', { type: 'apiKey', apiKey: keyIn(run) });
    case 'thread': return openLine(id, run);
    case 'servers': return encodeRequest(id, 'mcpServerStatus/list', { threadId: state.threadId, detail: 'toolsAndAuthOnly' });
  }
  const { threadId, turn } = state;
  const [, kind, rest] = /^(\w+:)(.*)$/s.exec(key) ?? [];
  switch (kind) {
    case REFUSE: return encodeError(JSON.parse(rest) as RpcId, { code: RPC_METHOD_NOT_FOUND, message: 'OrbitMesh does not offer this method.' });
    case ANSWER: return answerLine(rest, state);
    case REASON: return reasonLine(id, rest, state);
    case TURN: return turn?.ours && turnKey(turn.inputId) === key ? encodeRequest(id, 'turn/start', { threadId, input: textInput(turn.text ?? run.manifest.prompt) }) : undefined;
    case STEER: {
      const input = state.steers.find(({ inputId }) => inputId === rest);
      return input && encodeRequest(id, 'turn/steer', { threadId, expectedTurnId: turn?.id ?? '', input: textInput(input.text) });
    }
    case INTERRUPT: return turn?.id && rest === String(state.turns) ? encodeRequest(id, 'turn/interrupt', { threadId, turnId: turn.id }) : undefined;
    // An interrupt leaves a running command alive as a "background terminal".
    case CLEAN: return encodeRequest(id, 'thread/backgroundTerminals/clean', { threadId });
    default: return undefined;
  }
}

/** The key of the user's that codex is to log in with; '' where he gave none. */
export function keyIn({ environment }: RunContext): string {
  return KEY_VARIABLES.map((name) => environment[name]).find(Boolean) ?? '';
}

/** In the home that `launch` has written, and not in one of the user's. */
export function usesOwnHome({ environment, stateDir }: RunContext): boolean {
  return environment[CODEX_HOME] === homeIn(stateDir);
}

function initializeParams() {
  return {
    clientInfo: { name: 'orbitmesh', title: 'OrbitMesh', version: CLIENT_VERSION },
    capabilities: { experimentalApi: true, requestAttestation: false, optOutNotificationMethods: UNWANTED },
  };
}

function openLine(id: string, run: RunContext): string {
  const { manifest, continueAgentSessionId, workingDir, entry } = run;
  const { model, permissionMode } = manifest.provider;
  const { sandbox, trustProject } = codexOptionsOf(entry);
  const params = {
    cwd: workingDir,
    ...(model === null ? {} : { model }),
    // `allow`: the sandbox holds, and what has to leave it is asked for and allowed by the session's policy; else whatever is not known to be harmless is asked for.
    approvalPolicy: permissionMode === 'allow' ? 'on-request' : 'untrusted',
    sandbox: sandbox ?? (permissionMode === 'deny' ? 'read-only' : 'workspace-write'),
    ...(manifest.systemPrompt.trim() ? { developerInstructions: manifest.systemPrompt } : {}),
    config: { ...(usesOwnHome(run) ? {} : { ...SESSION_SETTINGS, ...trustIn(workingDir, manifest.trustRepository === true || trustProject) }), mcp_servers: Object.fromEntries(run.mcpServers.map((server) => [server.name, mcpServerOf(server)])) },
  };
  return continueAgentSessionId === undefined
    ? encodeRequest(id, 'thread/start', params)
    : encodeRequest(id, 'thread/resume', { threadId: continueAgentSessionId, excludeTurns: true, ...params });
}

/** Codex hands on none of its variables to an MCP server unless they are named. What our own server may do, OrbitMesh decides: codex need not ask. */
function mcpServerOf({ command, args, env, forward, own }: McpServerLaunch) {
  const ours = own ? { default_tools_approval_mode: 'approve', tool_timeout_sec: MCP_TOOL_SECONDS } : {};
  return { command, args, env, ...(forward.length > 0 && { env_vars: forward }), startup_timeout_sec: MCP_STARTUP_SECONDS, ...ours };
}

function answerLine(approvalId: string, { sentAnswers }: CodexState): string | undefined {
  const answer = sentAnswers.find((sent) => sent.approvalId === approvalId);
  return answer && encodeResult(answer.requestId, answer.optionId === null ? answer.cancelled : answer.results[answer.optionId]);
}

/** Codex's answers have no room for a reason: it is put into the turn, where the agent reads it right after the refusal. */
function reasonLine(id: string, approvalId: string, { sentAnswers, threadId, turn }: CodexState): string | undefined {
  const answer = sentAnswers.find((sent) => sent.approvalId === approvalId);
  if (!answer?.reason || !turn?.id) return undefined;
  const told = `The permission was denied (${answer.title}). The reason: ${answer.reason.slice(0, REASON_CHARACTERS_MAX)}`;
  return encodeRequest(id, 'turn/steer', { threadId, expectedTurnId: turn.id, input: textInput(told) });
}

function textInput(value: string) {
  return [{ type: 'text', text: value, text_elements: [] }];
}
