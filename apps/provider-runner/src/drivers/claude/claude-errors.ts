import { text, type Fields } from '../wire/fields.js';
import type { StopReason, TurnOutcome } from './claude-state.js';

export type ErrorCode = 'auth_required' | 'rate_limit' | 'usage_limit' | 'overloaded' | 'bad_request' | 'token_limit' | 'agent_error';

/** Why the model did not answer, from all places where the program says it. */
export interface ApiFailure {
  /** The program's word for it (`rate_limit`, `authentication_failed`, …). */
  error?: string | null;
  /** HTTP. */
  status?: unknown;
  message: string;
  /** What a rate_limit_event said: the subscription's limit is reached. */
  usageLimit: string | null;
}

/** What kind of failure it is. The program calls an overloaded model a rate limit, too: its HTTP status tells. */
export function codeOfFailure({ error, status, message, usageLimit }: ApiFailure): ErrorCode {
  const limited = status === 429 || error === 'rate_limit';
  if (status === 401 || status === 403 || error === 'authentication_failed' || /invalid api key|please run \/login|not logged in/i.test(message)) return 'auth_required';
  if (status === 529 || /overloaded/i.test(message)) return 'overloaded';
  if (error === 'billing_error' || /usage limit|hit your [\w-]* ?limit|credit balance/i.test(message) || (limited && usageLimit)) return 'usage_limit';
  if (limited) return 'rate_limit';
  if (error === 'max_output_tokens' || /prompt is too long/i.test(message)) return 'token_limit';
  if (error === 'invalid_request' || (typeof status === 'number' && status >= 400 && status < 500)) return 'bad_request';
  return 'agent_error';
}

/** Trying again cannot help: whoever waits must hear of it now. */
export function isFinal(code: ErrorCode): boolean {
  return code === 'auth_required' || code === 'usage_limit';
}

const ENDED_BY_MODEL: Readonly<Record<string, StopReason>> = { max_tokens: 'max_tokens', model_context_window_exceeded: 'max_tokens', refusal: 'refusal' };

/** What a `result` frame comes to. `code`: an error that is to be said. The subtype is `success` for failed requests, too. */
export function outcomeOfResult(result: Fields, turn: { cancelled: boolean; apiError: string | null; usageLimit: string | null }): TurnOutcome & { code?: ErrorCode } {
  if (result.is_error !== true) return { stopReason: ENDED_BY_MODEL[text(result.stop_reason) ?? ''] ?? 'end_turn' };
  const message = text(result.result) || (Array.isArray(result.errors) ? result.errors.filter((error) => typeof error === 'string').join('\n') : '') || 'The agent gave no reason.';
  const reason = text(result.terminal_reason);
  if (turn.cancelled || reason?.startsWith('aborted_')) return { stopReason: 'cancelled' };
  if (result.subtype === 'error_max_turns') return { stopReason: 'max_turn_requests', message };
  if (result.subtype === 'error_max_budget_usd') return { stopReason: 'error', code: 'usage_limit', message };
  if (reason === 'prompt_too_long') return { stopReason: 'error', code: 'token_limit', message };
  const code = codeOfFailure({ error: turn.apiError, status: result.api_error_status, message, usageLimit: turn.usageLimit });
  return { stopReason: 'error', code, message };
}
