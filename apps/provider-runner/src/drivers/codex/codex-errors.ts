import { fields, short, text, type Fields } from '../wire/fields.js';
import { ERROR_MESSAGE_CHARACTERS_MAX } from '../../limits.js';
import type { Trouble } from './codex-state.js';

/** `codexErrorInfo` where it is a word of its own. */
const INFOS: Readonly<Record<string, string>> = {
  unauthorized: 'auth_required',
  usageLimitExceeded: 'usage_limit', sessionBudgetExceeded: 'usage_limit',
  rateLimitExceeded: 'rate_limit', flexUnavailable: 'rate_limit',
  serverOverloaded: 'overloaded', internalServerError: 'overloaded', policyCapacityUnavailable: 'overloaded',
  badRequest: 'bad_request', modelNotFound: 'bad_request',
};
const REFUSALS: readonly string[] = ['cyberPolicy', 'misalignmentPolicyViolation', 'inferenceHookDenied'];

/** What a turn's error comes to: its code in OrbitMesh's words, and how the turn ends with it. */
export function troubleOf(error: Fields): Trouble {
  const { codexErrorInfo, additionalDetails } = error;
  const info = text(codexErrorInfo) ?? Object.keys(fields(codexErrorInfo))[0] ?? 'other';
  const status = fields(fields(codexErrorInfo)[info]).httpStatusCode;
  const body = refusedBody(text(error.message) ?? '');
  const words = [body ?? text(error.message), text(additionalDetails)].filter(Boolean).join(': ') || 'The turn failed, and codex did not say why.';
  const message = words.slice(0, ERROR_MESSAGE_CHARACTERS_MAX);
  if (info === 'contextWindowExceeded') return { code: 'token_limit', message, stopReason: 'max_tokens' };
  if (REFUSALS.includes(info)) return { code: 'refused', message, stopReason: 'refusal' };
  const code = INFOS[info] ?? codeOfStatus(status) ?? (body === undefined ? codeOfWords(words) : 'bad_request');
  return { code, message, stopReason: 'error' };
}

/** Codex tries again by itself; these it tries in vain. */
export function isFinal({ code }: Trouble): boolean {
  return code === 'auth_required' || code === 'usage_limit';
}

/** A request that the model refused (400) comes as `other`, with the whole answer of the API as its message. */
function refusedBody(message: string): string | undefined {
  if (!message.startsWith('{')) return undefined;
  try {
    return text(fields(fields(JSON.parse(message)).error).message) ?? short(message);
  } catch {
    return undefined;
  }
}

function codeOfStatus(status: unknown): string | undefined {
  if (typeof status !== 'number') return undefined;
  if (status === 401 || status === 403) return 'auth_required';
  if (status === 402) return 'usage_limit';
  if (status === 429) return 'rate_limit';
  if (status >= 500) return 'overloaded';
  return status >= 400 ? 'bad_request' : undefined;
}

/** Where codex says no more than `other`. */
function codeOfWords(words: string): string {
  if (/missing environment variable|not logged in|please (log|sign) in|invalid.{0,8}api key/i.test(words)) return 'auth_required';
  if (/usage limit|quota exceeded|insufficient.quota/i.test(words)) return 'usage_limit';
  return 'agent_error';
}
