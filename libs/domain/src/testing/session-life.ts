import fc from 'fast-check';
import { AppError } from '../errors/app-error.js';
import type { FeedEvent } from '../feed/envelope.js';
import type { RunFact } from '../provider/fact.js';
import { handleSession } from '../session/handle-session.js';
import { OUTCOMES, type OutcomeCode } from '../session/outcome.js';
import { PERMISSION_MODES, SESSION_MODES, type Session } from '../session/session.js';
import type { Actor, SessionCommand, SpawnCommand } from '../session/session-command.js';
import { createMail, deliverMailTo, mailDeleted, readMail } from '../work/mail-commands.js';
import type { Mail } from '../work/mail.js';
import { TIMELINE_KINDS } from '../work/timeline.js';
import { TASK_STATUSES, type Task } from '../work/task.js';
import { ADMIN, AGENT, FakeContext, SessionHarness, deepFreeze, spawnCommand, taskNamed } from './session-harness.js';

/** What others do to the session's mail before the command. */
export type Post = { type: 'send'; from: string | null; body: string } | { type: 'wait' | 'read' | 'delete'; nth: number };

export interface Step { advanceMs: number; post?: Post[]; command: (session: Session) => SessionCommand }

const text = fc.constantFrom('', 'words', 'ünïcödé 🚀', 'x'.repeat(3_000));
const actor = fc.constantFrom<Actor>(ADMIN, AGENT, { kind: 'user', tokenId: 'tok_1' });
const approvalId = fc.constantFrom('appr_1', 'appr_2', 'appr_3');
/** `first` and `last` stand for what is on its way to the agent then. */
const inputId = fc.constantFrom('inp_a', 'inp_b', 'first', 'first', 'last');

const fact: fc.Arbitrary<RunFact> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('run_started' as const), pid: fc.constant(1) }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('turn_started' as const), inputId }) },
  { weight: 3, arbitrary: fc.record({ type: fc.constant('turn_ended' as const), stopReason: fc.constantFrom('end_turn', 'end_turn', 'end_turn', 'max_tokens', 'refusal', 'cancelled', 'error') }) },
  fc.record({ type: fc.constant('output' as const), content: text, stream: fc.constant('agent' as const) }),
  fc.record({ type: fc.constant('tool_call' as const), toolCallId: fc.constantFrom('c1', 'c2'), status: fc.constantFrom('in_progress', 'completed') }),
  fc.record({ type: fc.constant('metric' as const), tokensIn: fc.nat(99), tokensOut: fc.nat(99), requestCount: fc.nat(9) }),
  fc.record({ type: fc.constant('activity' as const), activity: fc.constantFrom('idle', 'executing', 'waiting_input') }),
  fc.record({ type: fc.constant('error' as const), code: fc.constantFrom('usage_limit', 'other'), message: text }),
  fc.record({ type: fc.constant('approval_requested' as const), approvalId, title: text, toolCall: fc.constant({ title: 'rm' }), options: fc.constant([{ optionId: 'y', name: 'Yes', kind: 'allow_once' as const }, { optionId: 'n', name: 'No', kind: 'reject_once' as const }]) }),
  fc.record({ type: fc.constant('approval_delivered' as const), approvalId }),
  fc.record({ type: fc.constant('approval_withdrawn' as const), approvalId, reason: text }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('input_delivered' as const), inputId }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant('input_failed' as const), inputId, reason: text }) },
  fc.constant<RunFact>({ type: 'paused' }),
  fc.constant<RunFact>({ type: 'resumed' }),
  fc.record({ type: fc.constant('start_failed' as const), code: fc.constantFrom('config_invalid', 'start_failed'), message: text }),
  fc.record({ type: fc.constant('run_ended' as const), cause: fc.constantFrom('exited', 'crashed', 'stopped', 'killed', 'shutdown', 'lost'), exitCode: fc.constantFrom(0, 3), left: fc.constantFrom(0, 0, 0, 1) }),
) as fc.Arbitrary<RunFact>;

/** Mostly of the present run and numbered on; sometimes repeated, with a gap, or of another run. */
const facts = fc.record({ batch: fc.array(fact, { minLength: 1, maxLength: 4 }), from: fc.constantFrom(1, 1, 1, 1, 0, 2), epoch: fc.constantFrom(0, 0, 0, 0, 0, -1) })
  .map(({ batch, from, epoch }) => (session: Session): SessionCommand => ({
    type: 'facts', runId: session.run?.runId ?? 'run_none', epoch: (session.run?.epoch ?? 0) + epoch,
    facts: batch.map((each, i) => ({ runSeq: (session.run?.ackedRunSeq ?? 0) + from + i, at: session.updatedAt, fact: named(each, session) })),
  }));

function named(each: RunFact, { pendingInputs }: Session): RunFact {
  if (!('inputId' in each) || (each.inputId !== 'first' && each.inputId !== 'last')) return each;
  return { ...each, inputId: pendingInputs.at(each.inputId === 'first' ? 0 : -1)?.inputId ?? 'inp_none' };
}

const plain = fc.oneof(
  fc.record({ type: fc.constantFrom('stop' as const, 'kill' as const, 'pause' as const, 'pause' as const, 'resume' as const, 'interrupt' as const), reason: text, actor }),
  fc.record({ type: fc.constant('input' as const), inputId: fc.constantFrom('inp_a', 'inp_b'), text, source: fc.constant('user' as const), actor }),
  fc.record({ type: fc.constant('timeline' as const), kind: fc.constantFrom(...TIMELINE_KINDS), message: text, taskId: fc.constantFrom('task_1', 'task_2'), actor }),
  fc.record({ type: fc.constant('timeline' as const), kind: fc.constant('progress' as const), message: text, taskId: fc.constantFrom('task_1', 'task_2'), taskStatus: fc.constantFrom(...TASK_STATUSES), actor }),
  fc.record({ type: fc.constant('answer_approval' as const), approvalId, decision: fc.constantFrom('allow', 'deny'), actor }),
  fc.record({ type: fc.constant('end' as const), outcome: fc.constantFrom(...(Object.keys(OUTCOMES) as OutcomeCode[])), message: text, kill: fc.boolean() }),
  fc.record({ type: fc.constant('rename' as const), name: fc.constantFrom('A', 'B') }),
  fc.record({ type: fc.constant('wait' as const), reason: text }),
  fc.record({ type: fc.constant('expire_approvals' as const) }),
  { weight: 2, arbitrary: fc.record({ type: fc.constant('deliver_mail' as const) }) },
) as fc.Arbitrary<SessionCommand>;

const post: fc.Arbitrary<Post> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ type: fc.constant('send' as const), from: fc.constantFrom(null, 'sess_parent', 'sess_other'), body: text }) },
  fc.record({ type: fc.constantFrom('wait' as const, 'read' as const, 'delete' as const), nth: fc.nat(9) }),
);

const step: fc.Arbitrary<Step> = fc.record({
  advanceMs: fc.constantFrom(0, 1, 1_000, 700_000),
  post: fc.oneof({ weight: 3, arbitrary: fc.constant<Post[]>([]) }, fc.array(post, { maxLength: 3 })),
  command: fc.oneof(
    { weight: 8, arbitrary: facts },
    { weight: 6, arbitrary: plain.map((command) => () => command) },
    { weight: 2, arbitrary: fc.constant((session: Session): SessionCommand => ({ type: 'place', runId: `run_${(session.run?.epoch ?? 0) + 1}`, runnerId: 'slot-0' })) },
    { weight: 2, arbitrary: fc.constant((session: Session): SessionCommand => ({ type: 'claim', runId: session.run?.runId ?? 'run_none', epoch: session.run?.epoch ?? 0 })) },
    { weight: 1, arbitrary: fc.constant((session: Session): SessionCommand => ({ type: 'runner_lost', runId: session.run?.runId ?? 'run_none', message: 'silent' })) },
    { weight: 1, arbitrary: fc.constant((session: Session): SessionCommand => ({ type: 'run_absent', runId: session.run?.runId ?? 'run_none', message: 'not listed' })) },
  ),
});

const saw = (...seen: RunFact[]) => (session: Session): SessionCommand => ({
  type: 'facts', runId: session.run!.runId, epoch: session.run!.epoch,
  facts: seen.map((each, i) => ({ runSeq: session.run!.ackedRunSeq + 1 + i, at: session.updatedAt, fact: named(each, session) })),
});

/** Most sessions get as far as their first turn, and many to its end with mail to be said, so that what comes then is worth trying. */
const begun: Step[] = [
  { command: (session: Session): SessionCommand => ({ type: 'place', runId: `run_${(session.run?.epoch ?? 0) + 1}`, runnerId: 'slot-0' }) },
  { command: (session: Session): SessionCommand => ({ type: 'claim', runId: session.run!.runId, epoch: session.run!.epoch }) },
  { command: saw({ type: 'run_started', pid: 1 }, { type: 'turn_started' }) },
  { command: saw({ type: 'turn_ended', stopReason: 'end_turn' }), post: [{ type: 'send', from: 'sess_other', body: 'words' } as const] },
  { command: saw({ type: 'turn_started', inputId: 'first' }) },
  { command: saw({ type: 'input_delivered', inputId: 'first' }) },
].map((each) => ({ advanceMs: 1, ...each }));

export const life = fc.record({
  spawn: fc.record({ mode: fc.constantFrom(...SESSION_MODES), permissionMode: fc.constantFrom(...PERMISSION_MODES) }),
  begun: fc.constantFrom(0, 1, 2, 3, 3, 3, 3, 4, 5, 6),
  steps: fc.array(step, { maxLength: 30 }),
}).map(({ spawn, begun: first, steps }) => ({ spawn, steps: [...begun.slice(0, first), ...steps] }));

export type Life = { spawn: Partial<SpawnCommand>; steps: Step[] };

export interface Commit {
  before: Session | null;
  after: Session;
  events: FeedEvent[];
  tasks: Task[];
  /** Its own mail, all states, before and after. */
  mailBefore: Mail[];
  mail: Mail[];
  /** What it wrote to its parent. */
  sent: Mail[];
  changed: boolean;
  command: SessionCommand;
}

export interface Lived {
  session: Session;
  /** Of the session's commits, and of what others did to its mail. */
  events: FeedEvent[];
  commits: Commit[];
  mail: Mail[];
  deleted: Mail[];
}

/** One life from spawn on; what the domain refuses is left out of it. */
export function live({ spawn, steps }: Life, check: (commit: Commit) => void = () => undefined): Lived {
  const ctx = new FakeContext();
  const { session: parent } = new SessionHarness({ sessionId: 'sess_parent' });
  const commits: Commit[] = [];
  const events: FeedEvent[] = [];
  const deleted: Mail[] = [];
  let session: Session | null = null;
  let tasks = [taskNamed('task_1'), taskNamed('task_2')];
  let mail: Mail[] = [];
  const run = (command: SessionCommand): void => {
    const before = session;
    const mailBefore = mail;
    try {
      const correspondence = { mail: mail.filter(({ state }) => state === 'queued'), parent };
      const handled = handleSession(deepFreeze(before), deepFreeze(command), ctx, deepFreeze(tasks), deepFreeze(correspondence));
      session = handled.session;
      tasks = tasks.map((task) => handled.tasks.find(({ id }) => id === task.id) ?? task);
      mail = mail.map((one) => handled.mails.find(({ id }) => id === one.id) ?? one);
      const sent = handled.mails.filter(({ toSessionId }) => toSessionId !== session?.id);
      const commit = { before, after: session, events: handled.events, tasks, mailBefore, mail, sent, changed: handled.changed, command };
      commits.push(commit);
      events.push(...handled.events);
      check(commit);
    } catch (error) {
      if (!(error instanceof AppError) || error.code === 'INTERNAL') throw error;
    }
  };
  const act = (each: Post): void => {
    if (each.type === 'send') {
      const letter = { fromSessionId: each.from, fromName: 'Other', type: 'query' as const, subject: '', body: each.body, priority: 'normal' as const };
      const { doc, events: told } = createMail(letter, { projectId: 'proj_1', sessionId: 'sess_1' }, null, ctx);
      mail = [...mail, doc];
      events.push(...told);
      return;
    }
    const one = mail[each.nth];
    if (!one) return;
    if (each.type === 'delete') {
      mail = mail.filter((other) => other !== one);
      deleted.push(one);
      events.push(mailDeleted(one, ctx));
      return;
    }
    const { doc, events: told } = each.type === 'read' ? readMail(one, ctx) : deliverMailTo(one, 'wait', ctx);
    mail = mail.map((other) => (other === one ? doc : other));
    events.push(...told);
  };
  run(spawnCommand({ taskIds: ['task_1', 'task_2'], parent: { sessionId: 'sess_parent', rootSessionId: 'sess_parent' }, ...spawn }));
  for (const { advanceMs, post: before = [], command } of steps) {
    ctx.advance(advanceMs);
    before.forEach(act);
    run(command(session!));
  }
  return { session: session!, events, commits, mail, deleted };
}
