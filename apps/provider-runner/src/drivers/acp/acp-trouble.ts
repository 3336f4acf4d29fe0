import type { AcpOptions } from './acp-options.js';
import { kindOfError } from './acp-errors.js';
import type { RunningTurn, TurnFailure } from './acp-state.js';
import { fields, text, type Fields } from '../wire/fields.js';

/**
 * Some agents end a turn in which the model refused as if it had been answered, with the reason as its
 * last piece of text: copilot (`Error: …`), codex-acp (after it said that its thread is in trouble). A
 * piece counts only while nothing follows it.
 */
export function noteErrorText(turn: RunningTurn, update: Fields, { errorText }: AcpOptions): RunningTurn {
  const { threadStatus } = fields(fields(update._meta).codex);
  if (fields(threadStatus).type === 'systemError') return { ...turn, troubled: true };
  if (update.sessionUpdate === 'tool_call') return turn.errorText === null ? turn : { ...turn, errorText: null };
  const said = update.sessionUpdate === 'agent_message_chunk' ? text(fields(update.content).text) : undefined;
  if (!said) return turn;
  const isError = turn.troubled || (errorText !== null && new RegExp(errorText).test(said));
  if (!isError && turn.errorText === null) return turn;
  return { ...turn, errorText: isError ? said.trim() : null };
}

export interface Retry { status: number; message: string }

/** What an agent's log says that the model refused, and that the agent will try again. */
export function retriesIn(log: string, { retryLog }: AcpOptions): Retry[] {
  if (!retryLog) return [];
  return [...log.matchAll(new RegExp(retryLog.pattern, 'g'))].map(({ groups }) => ({ status: Number(groups?.status ?? 0), message: messageIn(groups?.message ?? '') }));
}

/** The API's own words, where the log has its answer as JSON. */
function messageIn(logged: string): string {
  return /"message":\s*"((?:[^"\\]|\\.)*)"/.exec(logged)?.[1] ?? '';
}

export function failureOfRetries(retries: number, { status, message }: Retry): TurnFailure {
  const words = `The model refused ${retries} times with status ${status}${message ? `: ${message}` : '.'}`;
  return { code: kindOfError({ code: status, message }), message: words };
}

/** Why a turn that ended in order did not. */
export function failureOf({ failure, errorText }: RunningTurn): TurnFailure | null {
  return failure ?? (errorText === null ? null : { code: kindOfError({ code: 0, message: errorText }), message: errorText });
}
