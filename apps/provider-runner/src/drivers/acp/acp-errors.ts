import { type RpcError } from '../wire/json-rpc.js';
import { fields, text } from '../wire/fields.js';

export type AgentErrorKind = 'auth_required' | 'rate_limit' | 'usage_limit' | 'overloaded' | 'bad_request' | 'cancelled' | 'agent_error';

const RPC_AUTH_REQUIRED = -32000;
const RPC_CANCELLED = -32800;
/** `HTTP 401`, `status: 429`, `API Error: 400`, `Request rejected (429)`: where an agent has the status in its words only. */
const STATUS_IN_WORDS = /(?:http|status|error)\b[:\s]*\(?([45]\d\d)\b|(?<=\()[45]\d\d(?=\))/i;

/**
 * What kind of failure an agent's error answer is. Only auth has a code in ACP; the others are told
 * apart by `data.errorKind`, an HTTP status where agents put one, and at last by their words.
 */
export function kindOfError(error: RpcError): AgentErrorKind {
  const data = fields(error.data);
  const kind = text(data.errorKind) ?? '';
  const words = `${error.message} ${text(error.data) ?? text(data.details) ?? text(data.message) ?? ''}`;
  const status = [error.code, data.status, data.statusCode, data.httpStatusCode, statusInWords(words)].find((value) => typeof value === 'number' && value >= 400 && value < 600);
  if (error.code === RPC_CANCELLED) return 'cancelled';
  if (error.code === RPC_AUTH_REQUIRED || status === 401 || /auth/.test(kind) || /unauthorized|authentication (required|failed)|invalid api key|api key not valid/i.test(words)) return 'auth_required';
  if (kind === 'usage_limit' || /usage limit|quota (exceeded|exhausted)|insufficient (quota|credit)/i.test(words)) return 'usage_limit';
  if (status === 429 || kind === 'rate_limit' || /rate.?limit|too many requests|resource.?exhausted/i.test(words)) return 'rate_limit';
  if (status === 503 || status === 529 || kind === 'overloaded' || /overloaded|at capacity/i.test(words)) return 'overloaded';
  if (status === 400 || status === 413 || status === 422 || kind === 'bad_request' || /invalid.request|bad request|prompt is too long|context.length/i.test(words)) return 'bad_request';
  return 'agent_error';
}

function statusInWords(words: string): number | undefined {
  const found = STATUS_IN_WORDS.exec(words);
  return found ? Number(found[1] ?? found[0]) : undefined;
}

/** For people: the message with the agent's details, where it has some in words. */
export function describeError(error: RpcError): string {
  const data = fields(error.data);
  const details = text(error.data) ?? text(data.details) ?? text(data.message);
  return details && details !== error.message ? `${error.message}: ${details}` : error.message;
}
