import { isTerminal, type Approval, type SessionView } from '@orbitmesh/domain';
import { labelsText, tableOf, timeText, type Columns, type Fields } from './document-text.js';

/** Sessions, one a line: of one that waits, for what; of one that has ended, how. */
export const SESSION_COLUMNS: Columns<SessionView> = [
  ['SESSION', (one) => one.id],
  ['STATE', (one) => one.state],
  ['ACTIVITY', (one) => one.outcome?.code ?? (one.waiting ? 'waiting' : one.needsInput?.active ? 'needs input' : one.activity)],
  ['NAME', (one) => `${one.name}${one.waiting ? ` (${one.waiting.reason})` : one.needsInput?.active ? ` (${one.needsInput.message})` : ''}`],
];

export const SESSION_FIELDS: Fields<SessionView> = [
  ['session', (one) => one.id], ['name', (one) => one.name], ['project', (one) => one.projectId], ['tasks', (one) => one.taskIds],
  ['state', (one) => one.state], ['status', (one) => one.status], ['outcome', ({ outcome }) => outcome && `${outcome.code}${outcome.message ? `: ${outcome.message}` : ''}${outcome.reported ? ' (reported by the agent)' : ''}`],
  ['activity', (one) => (isTerminal(one) ? null : one.activity)], ['waits for', (one) => one.waiting?.reason], ['needs input', ({ needsInput }) => (needsInput?.active ? needsInput.message : null)],
  ['wanted', ({ desired, ...one }) => (isTerminal(one) || desired.state === 'running' ? null : `${desired.state} (${desired.reason})`)],
  ['provider', (one) => one.providerType], ['model', (one) => one.model], ['mode', (one) => one.mode], ['permission', (one) => one.permissionMode],
  ['member', ({ teamMember }) => teamMember && `${teamMember.name} (${teamMember.id})`], ['directory', (one) => one.workingDir],
  ['parent', (one) => one.parentSessionId], ['continues', (one) => one.continues], ['runner', (one) => one.run?.runnerId],
  ['runner labels', (one) => labelsText(one.runnerLabels)], ['priority', (one) => one.priority || null],
  ['tokens', ({ metrics }) => (metrics && metrics.tokensIn + metrics.tokensOut > 0 ? `${metrics.tokensIn} in, ${metrics.tokensOut} out, ${metrics.requestCount} requests` : null)],
  ['cost', ({ metrics }) => (metrics?.costUsd ? `${metrics.costUsd.toFixed(4)} USD` : null)],
  ['created', (one) => timeText(one.createdAt)], ['ended', (one) => timeText(one.endedAt)], ['manifest', (one) => one.manifestHash], ['revision', (one) => one.revision],
];

export const APPROVAL_COLUMNS: Columns<Approval> = [
  ['APPROVAL', (one) => one.id], ['STATE', (one) => (one.answer ? `${one.state}: ${one.answer.decision} by ${one.answer.by}` : one.state)],
  ['ASKED', (one) => timeText(one.requestedAt)], ['DENIED AT', (one) => (one.state === 'open' ? timeText(one.deadline) : null)], ['TITLE', (one) => one.title],
];

export function sessionTable(sessions: readonly SessionView[]): string {
  return tableOf(sessions, SESSION_COLUMNS);
}

/** What has been recorded, in a line. */
export function intentText({ id, state, status, outcome, desired }: SessionView): string {
  return isTerminal(state) ? `${id}: ${state} (${outcome?.code ?? status})` : `${id}: ${state}, to be ${desired.state}`;
}
