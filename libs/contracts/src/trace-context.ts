/**
 * W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context/): which request all this is for. We name a span for each hop,
 * and record none; `tracestate` is not passed on, as we would have to keep other vendors' words with every session (ADR-0036).
 */
export interface TraceContext {
  /** 32 hex digits. */
  traceId: string;
  /** 16 hex digits: whoever asked. */
  parentId: string;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/;
const NOTHING = /^0+$/;

/** Null for what is no `traceparent`; one of a later version is read as far as this one goes (§3.2.4). */
export function traceContextOf(traceparent: unknown): TraceContext | null {
  const [, version, traceId, parentId, more] = (typeof traceparent === 'string' ? FORM.exec(traceparent) : null) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return null;
  return NOTHING.test(traceId) || NOTHING.test(parentId) ? null : { traceId, parentId };
}

/** Of one that nobody has named. */
export function newTraceId(): string {
  return crypto.randomUUID().replaceAll('-', '');
}

/** What the next hop is told: a span of its own under that trace. Sampled, as far as we are asked. */
export function traceparentOf(traceId: string): string {
  return `00-${traceId}-${newTraceId().slice(16)}-01`;
}
