import type { TranscriptRemoved } from '@orbitmesh/domain';
import { RETENTION_AGAIN_BYTES, RETENTION_FRESH_MS } from '../limits.js';

/** What a home keeps of sessions' events: both bounds hold; null: there is none. */
export interface RetentionRules {
  ageMsMax: number | null;
  bytesMax: number | null;
}

/** The events of one session. */
export interface Transcript {
  sessionId: string;
  /** In its file. */
  bytes: number;
  /** Some of them went before. */
  trimmed: boolean;
  /** Ms since 1970; null: it has not ended. */
  endedAt: number | null;
}

export interface Removal {
  sessionId: string;
  bytes: number;
  reason: TranscriptRemoved['reason'];
}

/** The sessions whose events may go, those that ended longest ago first; of those that must, how many bytes are enough is for the caller to see. */
export function planRetention(transcripts: readonly Transcript[], { ageMsMax, bytesMax }: RetentionRules, now: number): Removal[] {
  const total = transcripts.reduce((sum, { bytes }) => sum + bytes, 0);
  const removable = transcripts.filter((one): one is Transcript & { endedAt: number } => one.endedAt !== null && hasEnough(one)).sort((a, b) => a.endedAt - b.endedAt);
  return removable.flatMap(({ sessionId, bytes, endedAt }): Removal[] => {
    if (ageMsMax !== null && endedAt < now - ageMsMax) return [{ sessionId, bytes, reason: 'age' }];
    if (bytesMax !== null && total > bytesMax && endedAt < now - RETENTION_FRESH_MS) return [{ sessionId, bytes, reason: 'size' }];
    return [];
  });
}

const hasEnough = ({ bytes, trimmed }: Transcript): boolean => (trimmed ? bytes >= RETENTION_AGAIN_BYTES : bytes > 0);
