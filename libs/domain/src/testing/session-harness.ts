import type { FeedEvent } from '../feed/envelope.js';
import type { DecideContext } from '../kernel/context.js';
import { ID_PREFIXES, type IdKind } from '../kernel/id.js';
import type { RunFact } from '../provider/fact.js';
import { createMail, type Letter } from '../work/mail-commands.js';
import type { Mail } from '../work/mail.js';
import { createTask } from '../work/task-commands.js';
import type { Task } from '../work/task.js';
import { handleSession, type HandledSession } from '../session/handle-session.js';
import type { Session } from '../session/session.js';
import type { Actor, SessionCommand, SpawnCommand } from '../session/session-command.js';

export const ADMIN: Actor = { kind: 'admin' };
export const AGENT: Actor = { kind: 'agent', sessionId: 'sess_1' };
export const RUN = { runId: 'run_1', runnerId: 'slot-0' } as const;

/** A clock that moves when told, and ids that count. */
export class FakeContext implements DecideContext {
  private ms = Date.parse('2025-01-01T00:00:00.000Z');
  private count = 0;

  get now(): string {
    return new Date(this.ms).toISOString();
  }

  advance(ms: number): this {
    this.ms += ms;
    return this;
  }

  newId = (kind: IdKind): string => `${ID_PREFIXES[kind]}_${++this.count}`;
}

export function spawnCommand(fields: Partial<SpawnCommand> = {}): SpawnCommand {
  return {
    type: 'spawn', sessionId: 'sess_1', projectId: 'proj_1', taskIds: [], name: 'A session', teamMember: null, parent: null, continues: null, agentSessionId: null, conversationId: null,
    providerType: 'demo', model: null, permissionMode: 'ask', mode: 'task', workingDir: '/work', manifestHash: 'h', ...fields,
  };
}

export function taskNamed(id: string, fields: Partial<Task> = {}): Task {
  const ctx = { now: '2025-01-01T00:00:00.000Z', newId: () => id };
  return { ...createTask({ projectId: 'proj_1', title: `Title of ${id}` }, ctx).doc, ...fields };
}

/** Nothing in it can be changed any more: what mutates its input throws. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  Object.values(value).forEach(deepFreeze);
  return value;
}

/** One session, its tasks and its mail, driven by commands; everything that goes in is frozen. */
export class SessionHarness {
  readonly ctx = new FakeContext();
  readonly events: FeedEvent[] = [];
  /** The events of the last commit. */
  last: FeedEvent[] = [];
  tasks: Task[];
  /** What it got, and what it sent, as it is now. */
  mails: Mail[] = [];
  /** Who started it, as far as mail is concerned. */
  parent: Session | null = null;
  private current: Session | null = null;
  private runSeq = 0;

  constructor(spawn: Partial<SpawnCommand> = {}, tasks: Task[] = []) {
    this.tasks = tasks;
    this.do(spawnCommand({ taskIds: tasks.map(({ id }) => id), ...spawn }));
  }

  get session(): Session {
    return this.current!;
  }

  /** States it went through, in order, the first one included. */
  get path(): string[] {
    return ['created', ...this.session.transitions.map(({ to }) => to)];
  }

  do(command: SessionCommand): HandledSession {
    this.ctx.advance(1_000);
    const correspondence = { mail: this.queued, parent: this.parent };
    const handled = handleSession(deepFreeze(this.current), deepFreeze(command), this.ctx, deepFreeze(this.tasks), deepFreeze(correspondence));
    this.current = handled.session;
    this.tasks = this.tasks.map((task) => handled.tasks.find(({ id }) => id === task.id) ?? task);
    this.mails = merged(this.mails, handled.mails);
    this.last = handled.events;
    this.events.push(...handled.events);
    return handled;
  }

  /** Mail for it that it has not got yet, oldest first. */
  get queued(): Mail[] {
    return this.mails.filter(({ state, toSessionId }) => state === 'queued' && toSessionId === this.current?.id);
  }

  /** Somebody writes to it. */
  gets(letter: Partial<Letter> = {}): Mail {
    const whole: Letter = { fromSessionId: 'sess_other', fromName: 'Other', type: 'query', subject: '', body: 'How far are you?', priority: 'normal', ...letter };
    const { doc } = createMail(whole, { projectId: 'proj_1', sessionId: this.session.id }, null, this.ctx);
    this.mails = [...this.mails, doc];
    return doc;
  }

  mail(id: string): Mail {
    return this.mails.find((mail) => mail.id === id)!;
  }

  /** Facts of the present run, numbered on. */
  facts(...facts: RunFact[]): HandledSession {
    const { runId, epoch } = this.session.run!;
    const at = this.ctx.now;
    return this.do({ type: 'facts', runId, epoch, facts: facts.map((fact) => ({ runSeq: ++this.runSeq, at, fact })) });
  }

  place(): this {
    this.runSeq = 0;
    this.do({ type: 'place', ...RUN });
    return this;
  }

  claim(): this {
    this.do({ type: 'claim', runId: RUN.runId, epoch: this.session.run!.epoch });
    return this;
  }

  /** Up to `running`, with its first turn begun unless told otherwise. */
  run({ turn = true } = {}): this {
    this.place().claim();
    this.facts({ type: 'run_started', pid: 7, agentSessionId: 'conv-1' }, ...(turn ? [{ type: 'turn_started' } as const] : []));
    return this;
  }

  stop(): HandledSession {
    return this.do({ type: 'stop', reason: '', actor: ADMIN });
  }

  kill(): HandledSession {
    return this.do({ type: 'kill', reason: '', actor: ADMIN });
  }

  report(kind: 'completed' | 'failed', message = `it ${kind}`): HandledSession {
    return this.do({ type: 'timeline', kind, message, actor: AGENT });
  }

  turnEnds(stopReason: Extract<RunFact, { type: 'turn_ended' }>['stopReason'] = 'end_turn'): HandledSession {
    return this.facts({ type: 'turn_ended', stopReason });
  }

  runEnds(fields: Partial<Extract<RunFact, { type: 'run_ended' }>> = {}): HandledSession {
    return this.facts({ type: 'run_ended', cause: 'stopped', left: 0, ...fields });
  }

  /** Types of the last commit's events, in order. */
  get lastTypes(): string[] {
    return this.last.map(({ type }) => type);
  }

  all(type: string): FeedEvent[] {
    return this.events.filter((event) => event.type === type);
  }
}

function merged(before: readonly Mail[], written: readonly Mail[]): Mail[] {
  const changed = before.map((mail) => written.find(({ id }) => id === mail.id) ?? mail);
  return [...changed, ...written.filter(({ id }) => !before.some((mail) => mail.id === id))];
}
