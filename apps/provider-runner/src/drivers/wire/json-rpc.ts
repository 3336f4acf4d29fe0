import { fields, parseFrame, text, type Fields } from './fields.js';

/**
 * JSON-RPC 2.0 as agents use it over stdio: one message a line, no batches. Our own request ids are
 * strings that say what they are for (`om:prompt:<inputId>`), so an answer can be understood by a
 * process that did not send the question. Reading does not ask for the `jsonrpc` member: codex leaves
 * it out.
 *
 * @see https://www.jsonrpc.org/specification, https://agentclientprotocol.com/protocol/v1/transports
 */
export type RpcId = string | number | null;
export interface RpcError { code: number; message: string; data?: unknown }

export const RPC_METHOD_NOT_FOUND = -32601;
const RPC_INTERNAL_ERROR = -32603;

export type Frame =
  | { kind: 'request'; id: RpcId; method: string; params: Fields }
  /** `sentAtMs`: by the agent's own clock, where it says so (codex). */
  | { kind: 'notification'; method: string; params: Fields; sentAtMs?: number }
  | { kind: 'result'; id: RpcId; result: Fields }
  | { kind: 'error'; id: RpcId; error: RpcError }
  | { kind: 'invalid' };

function isId(value: unknown): value is RpcId {
  return value === null || typeof value === 'string' || typeof value === 'number';
}

/** Never throws: what is no message is `invalid`. */
export function decodeFrame(line: string): Frame {
  // Most of what is no message is told without an exception: a flood of it must stay cheap.
  if (!line.trimStart().startsWith('{')) return { kind: 'invalid' };
  let message: Fields;
  try {
    const parsed = parseFrame(line);
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return { kind: 'invalid' };
    message = parsed as Fields;
  } catch {
    return { kind: 'invalid' };
  }
  const { id, method } = message;
  if (typeof method === 'string') {
    if (!('id' in message)) return { kind: 'notification', method, params: fields(message.params), ...(typeof message.emittedAtMs === 'number' ? { sentAtMs: message.emittedAtMs } : {}) };
    return isId(id) ? { kind: 'request', id, method, params: fields(message.params) } : { kind: 'invalid' };
  }
  if (!('id' in message) || !isId(id)) return { kind: 'invalid' };
  if ('error' in message) return { kind: 'error', id, error: decodeError(message.error) };
  // An answer with neither member breaks the specification; it still answers, as a failure.
  if (!('result' in message)) return { kind: 'error', id, error: { code: RPC_INTERNAL_ERROR, message: 'The agent answered with neither a result nor an error.' } };
  return { kind: 'result', id, result: fields(message.result) };
}

function decodeError(value: unknown): RpcError {
  const { code, message, data } = fields(value);
  return { code: typeof code === 'number' ? code : RPC_INTERNAL_ERROR, message: text(message) ?? 'The agent gave no reason.', data };
}

export function encodeRequest(id: string, method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}
export function encodeNotification(method: string, params: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}
export function encodeResult(id: RpcId, result: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result });
}
export function encodeError(id: RpcId, error: RpcError): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error });
}
