import { APPROVAL_DEADLINE_MS, awaitsStart, isTerminal, takesMail, undeliveredMail, type Approval, type Mail, type OutcomeCode, type Session } from '@orbitmesh/domain';
import { LEASE_MS } from '@orbitmesh/contracts';
import {
  REPORT_GRACE_MS, RUNNER_ARRIVAL_MS, WAIT_TOLD_MS, STALLED_MS, STALLED_TOOL_MS, START_TIMEOUT_MS,
} from '../limits.js';
import type { Waiting } from '../placement/reasons.js';
import type { RunnerPresence } from '../runner/runner-registry.js';

/** A message to the session's runner; safe to repeat (ADR-0006). */
export type RunnerMessage =
  | { to: 'start' }
  | { to: 'stop' | 'kill'; reason: string }
  | { to: 'pause' | 'resume' | 'interrupt' }
  | { to: 'input'; inputId: string; text: string; steer?: true }
  | { to: 'answerApproval'; approvalId: string; optionId: string | null; reason?: string };

/** What is to be done for a session now. `key` says which of two equal steps are one: it is not repeated before its interval. */
export type Step =
  | { type: 'wait'; key: 'wait'; reason: string }
  | { type: 'runner_lost'; key: 'runner_lost'; message: string }
  | { type: 'expire_approvals'; key: 'expire_approvals' }
  | { type: 'deliver_mail'; key: string }
  | { type: 'end'; key: 'end'; outcome: OutcomeCode; message: string; kill: boolean }
  | { type: 'send'; key: string; message: RunnerMessage };

/** All that the decision needs of the world around the session. */
export interface World {
  /** Since when silence means something, and when the clock was set, wall ms (`Grace`). */
  graceSince: number;
  clockSetAt: number;
  /** Facts can reach us now. */
  connected: boolean;
  /** The runner of the session's run. */
  presence: RunnerPresence;
  /** It would not take this session just now. */
  refused: boolean;
  /** Why the session has no runner, by the last round; undefined: it has one, or was in none yet. */
  waiting(): Waiting | undefined;
  /** Mail queued for the session, oldest first. */
  mail: readonly Mail[];
  /** `custom.stallSeconds` of its entry: how an agent without turns (`process`) is watched, if at all. */
  stallMs: number | null;
}

/**
 * What makes reality match the session (design §1.4), from its durable document alone: the same function at boot and
 * at every tick, so there is no recovery beside the normal way. Pure.
 *
 * @param now wall ms
 */
export function nextSteps(session: Session, world: World, now: number): Step[] {
  if (isTerminal(session)) return [];
  const since: Since = (at) => elapsed(at ? Date.parse(at) : 0, world, now);
  if (session.state === 'created' || !session.run) return waitSteps(session, world, now);
  const claimed = session.run.claimedAt !== undefined;
  if (!claimed && session.state === 'starting') return startSteps(session, world, now, since);
  if (world.presence === 'lost') {
    return [{ type: 'runner_lost', key: 'runner_lost', message: `The runner ${session.run.runnerId} has been silent for ${LEASE_MS / 1000} s.` }];
  }
  const ending = endingSteps(session);
  if (ending.length > 0) return ending;
  const steps: Step[] = [];
  if (hasOverdueApproval(session, world, now)) steps.push({ type: 'expire_approvals', key: 'expire_approvals' });
  const end = dueEnd(session, world, since);
  if (end) return [...steps, end];
  if (awaitsStart(session)) return startAgain(world);
  const mail = takesMail(session) ? mailSteps(undeliveredMail(session, world.mail)) : [];
  return [...steps, ...mail, ...runningSteps(session)];
}

type Since = (at: string | null | undefined) => number;

/**
 * How long ago that was, ms: by the clock, also when we were not there meanwhile. Nothing is old while nobody can reach us, nor
 * until whoever was kept from it has had a lease's time to speak; and what was written before the clock was set is as old as that.
 */
function elapsed(then: number, world: World, now: number): number {
  const { graceSince, clockSetAt } = world;
  if (!isHeard(world, now)) return 0;
  // A clock that was set back while we were away: what is in its future says nothing either.
  return now - (then > now ? graceSince : Math.max(then, clockSetAt));
}

/** Whoever had something to say has had the time to. */
function isHeard({ graceSince, connected }: World, now: number): boolean {
  return connected && now - graceSince >= LEASE_MS;
}

/** What was placed, and whose run nothing executes nor will: it may go elsewhere. What was claimed is never placed again, however late we hear of it. */
export function isStranded({ state, run, waiting }: Session, { presence, refused }: Pick<World, 'presence' | 'refused'>): boolean {
  return state === 'starting' && run?.claimedAt === undefined && (presence === 'lost' || refused || waiting !== null);
}

/** Where it goes is decided for all that wait at once (ADR-0034); here only that it waits. */
function waitSteps(session: Session, world: World, now: number): Step[] {
  const waiting = world.waiting();
  if (!waiting) return [];
  if (waiting.never) return [{ type: 'end', key: 'end', outcome: 'config_invalid', message: waiting.reason, kill: false }];
  // Right after a start or a reconnect nobody has had the time to show up.
  if (now - world.graceSince < RUNNER_ARRIVAL_MS) return [];
  // What passes by itself in a moment would only be noise in everybody's feed.
  if (waiting.soon && now - Date.parse(session.createdAt) < WAIT_TOLD_MS) return [];
  return session.waiting?.reason === waiting.reason ? [] : [{ type: 'wait', key: 'wait', reason: waiting.reason }];
}

function startSteps(session: Session, world: World, now: number, since: Since): Step[] {
  if (isStranded(session, world)) return waitSteps(session, world, now);
  if (since(session.run!.placedAt) >= START_TIMEOUT_MS) return [startTimeout()];
  return [{ type: 'send', key: 'start', message: { to: 'start' } }];
}

/** Once for what waits now: what comes meanwhile is another step. */
function mailSteps(waiting: readonly Mail[]): Step[] {
  const newest = waiting.at(-1);
  return newest ? [{ type: 'deliver_mail', key: `deliver_mail:${newest.id}` }] : [];
}

/** Claimed, and nothing was heard of it: a runner that died before it executed anything takes the same start again. */
function startAgain(world: World): Step[] {
  return world.refused ? [] : [{ type: 'send', key: 'start', message: { to: 'start' } }];
}

function startTimeout(): Step {
  return { type: 'end', key: 'end', outcome: 'start_timeout', message: `The agent was not running ${START_TIMEOUT_MS / 1000} s after it was placed.`, kill: true };
}

/** Somebody wants it to end: said until the runner confirms that nothing is left. */
function endingSteps({ desired }: Session): Step[] {
  if (desired.state !== 'stopped' && desired.state !== 'killed') return [];
  const to = desired.state === 'killed' ? 'kill' : 'stop';
  return [{ type: 'send', key: to, message: { to, reason: desired.reason } }];
}

function dueEnd(session: Session, world: World, since: Since): Step | null {
  if (session.state === 'starting') return since(session.run!.placedAt) >= START_TIMEOUT_MS ? startTimeout() : null;
  const { report } = session;
  if (report && session.mode === 'task' && hasTurns(session) && since(report.at) >= REPORT_GRACE_MS) {
    const outcome = report.kind === 'completed' ? 'completed' : 'reported_failed';
    return { type: 'end', key: 'end', outcome, message: report.message, kill: false };
  }
  return stalled(session, world, since);
}

function stalled(session: Session, world: World, since: Since): Step | null {
  if (session.state !== 'running' || session.desired.state !== 'running' || waitsForSomebody(session)) return null;
  const limit = hasTurns(session) ? turnLimit(session) : world.stallMs;
  if (limit === null) return null;
  // While it waited for somebody the silence was not its own.
  const silence = Math.min(since(session.lastFactAt), since(session.answeredAt), since(session.turn.startedAt), since(session.run!.startedAt));
  if (silence < limit) return null;
  return { type: 'end', key: 'end', outcome: 'stalled', message: `Nothing was heard of the agent for ${Math.round(limit / 1000)} s. ${lastSeen(session)}`, kill: false };
}

/** For whoever has to find out why an agent fell silent: what it was about when it was last heard of. */
function lastSeen({ lastFactAt, activity, currentTask, turn }: Session): string {
  if (lastFactAt === null) return 'It never said a word.';
  const calls = turn.openToolCalls.length;
  const open = calls === 0 ? '' : calls === 1 ? ', with a tool call open' : `, with ${calls} tool calls open`;
  return `Last seen at ${lastFactAt}: ${activity}${currentTask === null ? '' : ` (${currentTask})`}${open}.`;
}

/** An agent that never had a turn knows none: it says by its exit that it is done. */
const hasTurns = (session: Session): boolean => session.turn.startedAt !== null;

function turnLimit({ turn }: Session): number | null {
  if (!turn.active) return null;
  return turn.openToolCalls.length > 0 ? STALLED_TOOL_MS : STALLED_MS;
}

function waitsForSomebody(session: Session): boolean {
  return session.needsInput?.active === true || session.activity === 'waiting_input' || session.activity === 'waiting_approval'
    || session.approvals.some((approval) => approval.state === 'open' || isToDeliver(approval));
}

/** While paused the deadlines stand still; resuming moves them on. A clock that was set gives everybody the whole time again. */
function hasOverdueApproval({ state: sessionState, approvals }: Session, world: World, now: number): boolean {
  const { clockSetAt } = world;
  return sessionState !== 'paused' && isHeard(world, now) && approvals.some(({ state, deadline }) => (
    state === 'open' && Date.parse(deadline) <= now && clockSetAt + APPROVAL_DEADLINE_MS <= now
  ));
}

/** Withdrawn ones have no answer that the agent still waits for. */
function isToDeliver({ state, delivered, answer }: Approval): boolean {
  return !delivered && answer !== undefined && state !== 'open';
}

/** While held (paused) input and answers wait with us as well as with the runner. */
function runningSteps(session: Session): Step[] {
  const wanted = session.desired.state;
  if (session.state === 'paused') return wanted === 'running' ? [{ type: 'send', key: 'resume', message: { to: 'resume' } }] : [];
  if (session.state !== 'running') return [];
  if (wanted === 'paused') return [{ type: 'send', key: 'pause', message: { to: 'pause' } }];
  const answers = session.approvals.filter(isToDeliver).map(({ id, answer }): Step => ({
    type: 'send', key: `answer:${id}`,
    message: { to: 'answerApproval', approvalId: id, optionId: answer!.optionId, ...(answer!.reason !== undefined && { reason: answer!.reason }) },
  }));
  const inputs = session.pendingInputs.map(({ inputId, text, steer }): Step => ({ type: 'send', key: `input:${inputId}`, message: { to: 'input', inputId, text, ...(steer && { steer }) } }));
  const interrupt: Step[] = session.turn.active && session.interruptRequestedAt !== null ? [{ type: 'send', key: 'interrupt', message: { to: 'interrupt' } }] : [];
  return [...interrupt, ...answers, ...inputs];
}
