import { count, fields, parseFrame, short, type Fields } from '../wire/fields.js';

/** Known frames that say nothing a reader of the session needs: what they tell comes in others, too. */
const TYPES = new Set(['keep_alive', 'tool_progress', 'tool_use_summary', 'command_lifecycle', 'auth_status', 'prompt_suggestion']);
const SUBTYPES = new Set([
  'status', 'thinking_tokens', 'background_tasks_changed', 'task_started', 'task_progress', 'task_updated', 'task_notification', 'notification',
  'hook_started', 'hook_progress', 'hook_response', 'files_persisted', 'memory_recall', 'plugin_install', 'elicitation_complete', 'post_turn_summary',
]);

/** Never throws: undefined for what is no frame. */
export function decodeClaudeFrame(line: string): Fields | undefined {
  // Most of what is no frame is told without an exception: a flood of it must stay cheap.
  if (!line.trimStart().startsWith('{')) return undefined;
  try {
    const frame = fields(parseFrame(line));
    return typeof frame.type === 'string' ? frame : undefined;
  } catch {
    return undefined;
  }
}

export function isPassedOver({ type, subtype }: Fields): boolean {
  return type === 'system' ? SUBTYPES.has(String(subtype)) : TYPES.has(String(type));
}

/** What is known of a subscription's limit, in words; null while there is enough of it. */
export function limitOf({ status, rateLimitType, utilization, resetsAt, isUsingOverage }: Fields): { value: string | null; reached: boolean } {
  if (status !== 'allowed_warning' && status !== 'rejected') return { value: null, reached: false };
  const reached = status === 'rejected' && isUsingOverage !== true;
  const window = short(rateLimitType).replaceAll('_', ' ') || 'usage';
  const used = count(utilization) > 0 ? `, ${Math.round(count(utilization) * 100)} % used` : '';
  // Seconds since 1970; a Date takes no more than this.
  const until = count(resetsAt) > 0 && count(resetsAt) < 8.64e12 ? `, until ${new Date(count(resetsAt) * 1000).toISOString()}` : '';
  return { value: `The ${window} limit is ${reached ? 'reached' : 'near'}${used}${until}.`, reached };
}
