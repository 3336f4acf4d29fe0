import type { RunnerLabels, Session } from '@orbitmesh/domain';

/** A session that needs a runner, as far as the choice of one depends on it. */
export interface Waiter {
  id: string;
  /** The greater, the sooner. */
  priority: number;
  projectId: string;
  providerType: string;
  /** What its runner must have been given, all of it. */
  labels: RunnerLabels;
  workingDir: string;
  /** The only runner that has its conversation (ADR-0011); null: any. */
  keeper: string | null;
  /** The same for all that ask for the same, their directories apart. */
  kind: string;
}

export function waiterOf(session: Session, keeper: string | null): Waiter {
  // A session of an earlier version has neither.
  const { id, priority = 0, projectId, providerType, runnerLabels = {}, workingDir } = session;
  // Its conversation is where it is, whatever labels that runner has now.
  const labels = keeper === null ? runnerLabels : {};
  const kind = JSON.stringify([providerType, keeper, Object.entries(labels).sort()]);
  return { id, priority, projectId, providerType, labels, workingDir, keeper, kind };
}

/** The more urgent first, and of those the older: ids grow with time. */
export function byTurn(a: Waiter, b: Waiter): number {
  return b.priority - a.priority || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
}
