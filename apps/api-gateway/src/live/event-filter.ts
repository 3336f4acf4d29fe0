import type { EventEnvelope } from '@orbitmesh/domain';
import type { EventFilterDto } from '@orbitmesh/contracts';
import type { Principal } from '../auth/principal.js';

export type EventMatch = (event: EventEnvelope) => boolean;

/**
 * Fields ANDed, values ORed, absent or empty does not filter; only the envelope's own ids count (design §5).
 * An agent sees only events of its own session and of its tasks, whatever it asks for.
 */
export function eventMatchOf(filter: EventFilterDto, agent?: Principal['agent']): EventMatch {
  const sessions = setOf(filter.sessionIds);
  const tasks = setOf(filter.taskIds);
  const types = setOf(filter.types?.filter((type) => !type.endsWith(':*')));
  const families = filter.types?.filter((type) => type.endsWith(':*')).map((type) => type.slice(0, -1)) ?? [];
  const anyType = types === null && families.length === 0;
  return (event) =>
    (sessions === null || (event.sessionId !== undefined && sessions.has(event.sessionId)))
    && (!filter.projectId || event.projectId === filter.projectId)
    && (tasks === null || (event.taskId !== undefined && tasks.has(event.taskId)))
    && (anyType || types?.has(event.type) === true || families.some((family) => event.type.startsWith(family)))
    && (agent === undefined || event.sessionId === agent.sessionId || (event.taskId !== undefined && agent.taskIds.includes(event.taskId)));
}

function setOf(values: readonly string[] | undefined): ReadonlySet<string> | null {
  return values === undefined || values.length === 0 ? null : new Set(values);
}
