import type { Waiter } from './waiter.js';

/**
 * How far a runner gets that cannot take a session now, from the least to the most: the furthest that any got is what keeps the
 * session waiting.
 */
const OBSTACLES = ['away', 'unlabelled', 'draining', 'unknown', 'missing', 'impaired', 'elsewhere', 'unseen', 'refused', 'full', 'starting'] as const;
export type Obstacle = (typeof OBSTACLES)[number];
export const RANKS = Object.fromEntries(OBSTACLES.map((obstacle, rank) => [obstacle, rank])) as Record<Obstacle, number>;

/** Why a session has no runner yet. */
export interface Waiting {
  reason: string;
  /** It passes by itself in a moment: told only when it takes longer. */
  soon?: true;
  /** It does not pass: the session is to end. */
  never?: true;
}

/** @param detail in the words of a runner: what it lacks, or what is wrong with it */
export function reasonOf(obstacle: Obstacle, waiter: Waiter, detail: string | null): string {
  const text = waiter.keeper === null ? ANYWHERE[obstacle](waiter) : `its conversation is on the runner ${waiter.keeper}, which ${ONLY_THERE[obstacle](waiter)}`;
  return detail === null ? text : `${text}: ${detail}`;
}

type Texts = Record<Obstacle, (waiter: Waiter) => string>;

const ANYWHERE: Texts = {
  away: () => 'no runner is connected',
  unlabelled: ({ labels }) => `no connected runner has the labels ${labelsText(labels)}`,
  draining: () => 'every capable runner is being drained',
  unknown: ({ providerType }) => `no runner knows the provider ${providerType}`,
  missing: ({ providerType }) => `the provider ${providerType} is installed on no runner`,
  impaired: () => 'no capable runner can start anything now',
  elsewhere: ({ workingDir }) => `no capable runner has the directory ${workingDir}`,
  unseen: () => 'no capable runner can work in its directory',
  refused: () => 'every capable runner refused for now',
  full: () => 'every capable runner is at its capacity',
  starting: () => 'other agents are being started; its turn comes',
};

const ONLY_THERE: Texts = {
  away: () => 'is not connected',
  unlabelled: () => 'lacks its labels',
  draining: () => 'is being drained',
  unknown: ({ providerType }) => `does not know the provider ${providerType}`,
  missing: ({ providerType }) => `does not have the provider ${providerType} installed`,
  impaired: () => 'can start nothing now',
  elsewhere: ({ workingDir }) => `does not have the directory ${workingDir}`,
  unseen: () => 'cannot work in its directory',
  refused: () => 'refused for now',
  full: () => 'is at its capacity',
  starting: () => 'is starting other agents; its turn comes',
};

function labelsText(labels: Waiter['labels']): string {
  return Object.entries(labels).map(([name, value]) => `${name}=${value}`).join(',');
}
