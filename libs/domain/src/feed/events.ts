import { errorKindOf, type ErrorKind } from '../provider/error-kind.js';
import type { TokenCounts } from '../provider/tokens.js';
import type { SessionState } from '../session/session-state.js';
import type { FeedEvent } from './envelope.js';
import type { EventMap, EventType } from './event-map.js';

/*
 * The spec's five factories. `at` is RFC 3339 and defaults to the present moment, for callers at the
 * rim; decisions always give theirs. Within the feed, `projectId` is set on every one of them.
 */

export interface StatusChangeData { oldState: SessionState; newState: SessionState; reason: string }
export interface OutputData { content: string; stream?: string; truncated?: Truncated }
/** Cumulative; `turn` is the part of the turn that has just ended. */
export interface MetricData {
  tokensIn: number;
  tokensOut: number;
  requestCount: number;
  cacheRead?: number;
  cacheWrite?: number;
  reasoning?: number;
  costUsd?: number;
  turn?: TokenCounts;
}
/** `kind`: what trouble it is, where the code tells. `inputId`: the input that did not reach the agent. */
export interface ErrorData { message: string; code: string; kind?: ErrorKind; inputId?: string; truncated?: Truncated }
export interface MetadataData { key: string; value: string; truncated?: Truncated }
/** Says that `field` of the same object was cut, and how many bytes it had. */
export interface Truncated { field: string; bytes: number }

export function newStatusChangeEvent(
  sessionId: string, oldState: SessionState, newState: SessionState, reason: string, at?: string, projectId?: string,
): FeedEvent<'status_change', StatusChangeData> {
  return sessionEvent('status_change', sessionId, { oldState, newState, reason }, at, projectId);
}

export function newOutputEvent(sessionId: string, content: string, at?: string, projectId?: string): FeedEvent<'output', OutputData> {
  return sessionEvent('output', sessionId, { content }, at, projectId);
}

/** Cumulative over the session. */
export function newMetricEvent(
  sessionId: string, tokensIn: number, tokensOut: number, requestCount: number, at?: string, projectId?: string,
): FeedEvent<'metric', MetricData> {
  return sessionEvent('metric', sessionId, { tokensIn, tokensOut, requestCount }, at, projectId);
}

export function newErrorEvent(sessionId: string, message: string, code: string, at?: string, projectId?: string): FeedEvent<'error', ErrorData> {
  const kind = errorKindOf(code);
  return sessionEvent('error', sessionId, { message, code, ...(kind && { kind }) }, at, projectId);
}

export function newMetadataEvent(sessionId: string, key: string, value: string, at?: string, projectId?: string): FeedEvent<'metadata', MetadataData> {
  return sessionEvent('metadata', sessionId, { key, value }, at, projectId);
}

export function sessionEvent<T extends EventType>(
  type: T, sessionId: string, data: EventMap[T], at: string | undefined, projectId: string | undefined,
): FeedEvent<T, EventMap[T]> {
  return { type, timestamp: at ?? new Date().toISOString(), ...(projectId !== undefined && { projectId }), sessionId, data };
}
