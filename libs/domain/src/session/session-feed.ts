import { newErrorEvent, newMetadataEvent, newMetricEvent, newStatusChangeEvent, sessionEvent } from '../feed/events.js';
import type { FeedEvent } from '../feed/envelope.js';
import type { EventMap, EventType } from '../feed/event-map.js';
import type { Session } from './session.js';
import type { SessionChange } from './session-change.js';
import { sessionView } from './session-status.js';

/** What the feed is told of one change, in the words of design §5; many changes are only seen in `session:updated`. */
export function eventsOf(change: SessionChange, before: Session): FeedEvent[] {
  const { id, projectId } = before;
  const told = <T extends EventType>(type: T, data: EventMap[T], at: string): FeedEvent[] => [sessionEvent(type, id, data, at, projectId)];
  switch (change.type) {
    case 'moved':
      return [newStatusChangeEvent(id, before.state, change.to, change.reason, change.at, projectId)];
    case 'said':
      return told(change.utterance.type, change.utterance.data, change.at);
    case 'tool_called':
      return told('tool_call', change.data, change.at);
    case 'metered': {
      const { tokensIn, tokensOut, requestCount, ...more } = change.metrics;
      const event = newMetricEvent(id, tokensIn, tokensOut, requestCount, change.at, projectId);
      return [{ ...event, data: { ...event.data, ...more, ...(change.turn && { turn: change.turn }) } }];
    }
    case 'erred':
      return [newErrorEvent(id, change.message, change.code, change.at, projectId)];
    case 'acted':
      return [
        ...(change.activity === before.activity ? [] : [newMetadataEvent(id, 'activity', change.activity, change.at, projectId)]),
        ...(change.currentTask === before.currentTask ? [] : [newMetadataEvent(id, 'current_task', change.currentTask ?? '', change.at, projectId)]),
      ];
    case 'turn_started':
      return [newMetadataEvent(id, 'turn_started', change.inputId ?? '', change.at, projectId)];
    case 'turn_ended':
      return [newMetadataEvent(id, 'turn_ended', change.stopReason, change.at, projectId)];
    case 'approval_requested': {
      const { id: approvalId, title, toolCall, options, deadline } = change.approval;
      return told('approval_requested', { approvalId, title, toolCall, options, deadline }, change.approval.requestedAt);
    }
    case 'approval_resolved':
      return told('approval_resolved', { approvalId: change.approvalId, state: change.state, ...change.answer }, change.answer.at);
    case 'input_queued': {
      const { at, ...input } = change.input;
      return told('input', { ...input, by: change.by }, at);
    }
    case 'noted': {
      const [event] = told('timeline', change.entry, change.at);
      return [change.entry.taskId === undefined ? event : { ...event, taskId: change.entry.taskId }];
    }
    default:
      return [];
  }
}

/** Creation is told by these two, not by a `status_change`. */
export function spawnEvents(session: Session, at: string): FeedEvent[] {
  const { id, projectId, name, taskIds, providerType, mode, parentSessionId, continues, manifestHash } = session;
  return [
    sessionEvent('session:created', id, sessionView(session), at, projectId),
    sessionEvent('session:spawn', id, { sessionId: id, name, taskIds, providerType, mode, parentSessionId, continues, manifestHash }, at, projectId),
  ];
}

export function sessionUpdated(session: Session, at: string): FeedEvent {
  return sessionEvent('session:updated', session.id, sessionView(session), at, session.projectId);
}

export function sessionDeleted(session: Session, at: string): FeedEvent {
  const { id, projectId, taskIds, parentSessionId } = session;
  return sessionEvent('session:deleted', id, { id, projectId, taskIds, parentSessionId }, at, projectId);
}

/** What changes with every batch of facts: alone it makes no `session:updated` (design §5). */
const QUIET: ReadonlySet<string> = new Set(['metrics', 'activity', 'currentTask', 'updatedAt', 'revision', 'run']);

/** A reader of GET would see a difference that is worth a `session:updated`. */
export function visiblyChanged(before: Session, after: Session): boolean {
  const [was, is] = [sessionView(before), sessionView(after)] as unknown as Record<string, unknown>[];
  const differs = (a: unknown, b: unknown): boolean => a !== b && JSON.stringify(a) !== JSON.stringify(b);
  if (Object.keys(is).some((key) => !QUIET.has(key) && differs(was[key], is[key]))) return true;
  return differs(runWithoutAcks(before), runWithoutAcks(after));
}

const runWithoutAcks = ({ run }: Session): object | null => run && { ...run, ackedRunSeq: 0 };

