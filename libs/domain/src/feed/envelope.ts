/** What a command wants to tell the feed; the log gives it its number (design §5). */
export interface FeedEvent<T extends string = string, D = unknown> {
  type: T;
  /** RFC 3339. */
  timestamp: string;
  projectId?: string;
  sessionId?: string;
  taskId?: string;
  data: D;
}

/** A committed event as clients see it (design §5). */
export interface EventEnvelope<T extends string = string, D = unknown> extends FeedEvent<T, D> {
  /** Contiguous from 1 in the installation. */
  seq: number;
  /** `<logId>.<seq>`; opaque to clients. */
  cursor: string;
  id: string;
  /** True on the last event of a commit: only then do derived things (status, outcome) hold. */
  commitEnd: boolean;
  /** Contiguous from 1 within a session; on every event that has a sessionId. */
  sessionSeq?: number;
}
