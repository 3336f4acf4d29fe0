import type { EventEnvelope } from '@orbitmesh/domain';
import type { EventFilterDto } from './live.dto.js';

export type EventMatch = (event: EventEnvelope) => boolean;

/** Fields ANDed, values ORed, absent or empty does not filter; only the envelope's own ids count (design §5). */
export function eventMatchOf(filter: Readonly<Partial<EventFilterDto>>): EventMatch {
  const sessions = setOf(filter.sessionIds);
  const tasks = setOf(filter.taskIds);
  const types = setOf(filter.types?.filter((type) => !type.endsWith(':*')));
  const families = filter.types?.filter((type) => type.endsWith(':*')).map((type) => type.slice(0, -1)) ?? [];
  const anyType = types === null && families.length === 0;
  return (event) =>
    (sessions === null || (event.sessionId !== undefined && sessions.has(event.sessionId)))
    && (!filter.projectId || event.projectId === filter.projectId)
    && (tasks === null || (event.taskId !== undefined && tasks.has(event.taskId)))
    && (anyType || types?.has(event.type) === true || families.some((family) => event.type.startsWith(family)));
}

function setOf(values: readonly string[] | undefined): ReadonlySet<string> | null {
  return values === undefined || values.length === 0 ? null : new Set(values);
}
