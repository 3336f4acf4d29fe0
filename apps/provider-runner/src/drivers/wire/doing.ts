import type { Activity } from '@orbitmesh/domain';

/** What of a driver's state says what its agent is doing. */
interface Doing {
  turn: object | null;
  approvals: readonly { held?: unknown }[];
  planStep: string | null;
  toolCalls: Readonly<Record<string, { title?: string; status?: string }>>;
}

/** What the agent is doing, from what is open. */
export function activityOf(state: Doing): Activity {
  if (!state.turn) return 'idle';
  if (state.approvals.some(({ held }) => !held)) return 'waiting_approval';
  return openToolCall(state) ? 'executing' : 'thinking';
}

/** The plan's step in progress, else the running tool call's title. */
export function currentTaskOf(state: Doing): string | null {
  return state.turn ? state.planStep ?? openToolCall(state)?.title ?? null : null;
}

function openToolCall({ toolCalls }: Doing): { title?: string } | undefined {
  return Object.values(toolCalls).findLast(({ status }) => status === 'in_progress');
}
