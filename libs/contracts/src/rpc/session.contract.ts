import type {
  Actor, Approval, EventEnvelope, Mail, MailBroadcast, MailState, Manifest, ManifestInput, NumberedFact, OrderedEntity, Ordering, Project, ProviderInfo,
  RunnerLabels, SessionView, Task, TaskStatus, TeamMember, TimelineEntry, SessionState, SessionStatus, Transition,
} from '@orbitmesh/domain';
import type {
  ContinueSessionBody, CreateProjectBody, CreateTaskBody, CreateTeamMemberBody, MoveInOrderingBody, PostTimelineBody, SendMailBody, SpawnSessionBody,
  UpdateProjectBody, UpdateTaskBody, UpdateTeamMemberBody,
} from '../http/bodies.js';
import { MAIL_WAIT_TIMEOUT_MS, REQUEST_TIMEOUT_MS } from './limits.js';
import type { MetricsReport } from './metrics.js';
import { defineRpc, type CommandMeta, type EventPage, type List, type MutationReply, type Page, type PageQuery, type Reading, type RpcOwner } from './rpc.js';

const owner: RpcOwner = 'session';
const rpc = <Req, Res>(name: string) => defineRpc<Req, Res>(owner, name, REQUEST_TIMEOUT_MS);
/** A read that shows an agent only what is its own. */
const read = <Req extends object, Res>(name: string) => rpc<Req & Reading, Res>(name);
/** A mutation: the request is its fields plus `meta`. */
const command = <Req extends object, Doc>(name: string) => rpc<Req & { meta: CommandMeta }, MutationReply<Doc>>(name);

export type SessionAction = 'stop' | 'pause' | 'resume' | 'kill' | 'interrupt';

/** What session-service answers to gateways. Reads show only what is durable. */
export const SessionRpc = {
  createProject: command<{ body: CreateProjectBody }, Project>('project.create'),
  getProject: read<{ id: string }, Project>('project.get'),
  listProjects: rpc<PageQuery, Page<Project>>('project.list'),
  updateProject: command<{ id: string; body: UpdateProjectBody }, Project>('project.update'),
  deleteProject: command<{ id: string }, null>('project.delete'),

  createTask: command<{ body: CreateTaskBody }, Task>('task.create'),
  getTask: read<{ id: string }, Task>('task.get'),
  listTasks: read<PageQuery & { projectId?: string; status?: TaskStatus; parentId?: string; ready?: boolean }, Page<Task>>('task.list'),
  updateTask: command<{ id: string; body: UpdateTaskBody }, Task>('task.update'),
  deleteTask: command<{ id: string }, null>('task.delete'),

  createTeamMember: command<{ body: CreateTeamMemberBody }, TeamMember>('teamMember.create'),
  getTeamMember: read<{ id: string }, TeamMember>('teamMember.get'),
  listTeamMembers: read<PageQuery & { projectId?: string; status?: TeamMember['status']; scope?: 'all' | 'project' | 'global' }, Page<TeamMember>>('teamMember.list'),
  updateTeamMember: command<{ id: string; body: UpdateTeamMemberBody }, TeamMember>('teamMember.update'),
  deleteTeamMember: command<{ id: string }, null>('teamMember.delete'),
  archiveTeamMember: command<{ id: string; archived: boolean }, TeamMember>('teamMember.archive'),
  addMemory: command<{ id: string; text: string }, TeamMember>('teamMember.memory.add'),

  getOrdering: read<{ entityType: OrderedEntity; projectId: string }, Ordering>('ordering.get'),
  replaceOrdering: command<{ entityType: OrderedEntity; projectId: string; ids: string[] }, Ordering>('ordering.replace'),
  moveInOrdering: command<{ entityType: OrderedEntity; projectId: string; body: MoveInOrderingBody }, Ordering>('ordering.move'),

  spawn: command<{ body: SpawnSessionBody }, SessionView>('session.spawn'),
  /** A new session in the agent's own conversation. @throws SESSION_NOT_TERMINAL, NOT_SUPPORTED, CONFLICT */
  continueSession: command<{ id: string; body: ContinueSessionBody }, SessionView>('session.continue'),
  getSession: read<{ id: string }, SessionView>('session.get'),
  listSessions: read<PageQuery & { projectId?: string; state?: SessionState; status?: SessionStatus; taskId?: string; parentSessionId?: string }, Page<SessionView>>('session.list'),
  updateSession: command<{ id: string; body: { name?: string } }, SessionView>('session.update'),
  deleteSession: command<{ id: string }, null>('session.delete'),
  /** stop, pause, resume, kill, interrupt: records the intent, 202 (200 when there is nothing left to do). */
  actOnSession: command<{ id: string; action: SessionAction; reason?: string }, SessionView>('session.act'),
  inputToSession: command<{ id: string; text: string; steer?: boolean }, SessionView>('session.input'),
  getManifest: rpc<{ id: string }, Manifest>('session.manifest'),
  getManifestInput: rpc<{ id: string }, ManifestInput>('session.manifestInput'),
  listTransitions: rpc<{ id: string }, List<Transition>>('session.transitions'),
  postTimeline: command<{ id: string } & PostTimelineBody, EventEnvelope<'timeline', TimelineEntry>>('session.timeline.post'),
  listTimeline: read<{ id: string } & PageQuery, EventPage>('session.timeline.list'),
  listApprovals: rpc<{ id: string }, List<Approval>>('session.approvals'),
  answerApproval: command<{ id: string; approvalId: string; optionId?: string; decision?: 'allow' | 'deny'; reason?: string }, Approval>('session.approval.answer'),

  /** One session's mail is answered whole, an audience's as a list of who got which. */
  sendMail: command<{ body: SendMailBody }, Mail | MailBroadcast>('mail.send'),
  getMail: read<{ id: string }, Mail>('mail.get'),
  listMail: read<PageQuery & { projectId?: string; threadId?: string; fromSessionId?: string; toSessionId?: string; state?: MailState }, Page<Mail>>('mail.list'),
  listInbox: read<PageQuery & { sessionId: string; unread?: boolean; state?: MailState }, Page<Mail>>('mail.inbox'),
  /** Answers when there is mail, at the latest after `timeoutMs` (at most MAIL_WAIT_MS_MAX), then with none. */
  waitForMail: defineRpc<{ sessionId: string; after?: string; timeoutMs: number; waitId?: string } & Reading, Page<Mail>>(owner, 'mail.wait', MAIL_WAIT_TIMEOUT_MS),
  /** Its client is gone: what comes now is not for that wait. Nothing happens when it is over. */
  callOffWait: rpc<{ waitId: string }, { waiting: boolean }>('mail.wait.callOff'),
  readMail: command<{ id: string }, Mail>('mail.read'),
  deleteMail: command<{ id: string }, null>('mail.delete'),

  /** Feed page by global cursor; `nextCursor` is never null. @throws CURSOR_GONE {oldest, newest} */
  eventPage: rpc<{ after?: string; limit?: number }, EventPage>('events.page'),
  sessionEventPage: rpc<{ id: string; after?: number; limit?: number }, EventPage>('events.sessionPage'),
  head: rpc<Record<string, never>, { logId: string; cursor: string; seq: number; oldest: string }>('events.head'),

  listRunners: rpc<Record<string, never>, List<RunnerView>>('runner.list'),
  /** `drained`: it takes nothing new from now on; false: it does again. @throws RUNNER_NOT_FOUND, FORBIDDEN */
  drainRunner: command<{ id: string; drained: boolean }, RunnerView>('runner.drain'),
  listProviders: rpc<Record<string, never>, List<ProviderView>>('provider.list'),

  /** An agent's token → its session, while that session's run holds it. @throws UNAUTHENTICATED */
  verifyAgentToken: rpc<{ token: string }, { actor: Extract<Actor, { kind: 'agent' }>; projectId: string; taskIds: string[] }>('token.verify'),
  health: rpc<Record<string, never>, ServiceHealth>('health'),
  metrics: rpc<Record<string, never>, MetricsReport>('metrics'),

  // From runners.
  claimRun: rpc<{ runnerId: string; incarnation: string; sessionId: string; runId: string; epoch: number }, { granted: true }>('run.claim'),
  heartbeat: rpc<Heartbeat, HeartbeatReply>('runner.heartbeat'),
  facts: rpc<FactBatch, { ackedRunSeq: number; stale?: boolean }>('run.facts'),
} as const;

export interface ServiceHealth { ok: boolean; service: string; pid: number; details: Record<string, unknown> }

/** Something that a service found damaged, missing or edited by hand, at its start or later, and what it did about it. */
export interface DamageView {
  service: 'session-service' | 'notifier';
  /** Relative to the home. */
  file: string;
  reason: string;
  /** RFC 3339: when it was found. */
  at: string;
}

export interface RunnerView {
  id: string;
  /**
   * `silent`: heartbeats are missed, so nothing new is placed there; `lost`: its lease is over; `draining`: it takes nothing new and has
   * sessions left; `drained`: it has none; `impaired`: see `problem`. Only `connected` takes sessions.
   */
  state: 'connected' | 'silent' | 'lost' | 'draining' | 'drained' | 'impaired';
  /** Why it can start nothing now, and looks whether it can again. */
  problem: string | null;
  /** That somebody wants it drained. */
  drain: RunnerDrain | null;
  capacity: number;
  /** Sessions that it has; those of them whose agents are being started, and how many it starts at once (null: as many as come). */
  running: number; starting: number; startsAtOnce: number | null;
  /** Of its host, over the last minute: 1 is all cores busy. Null: it does not say. */
  cpuLoad: number | null;
  labels: RunnerLabels;
  /** The directories that it has. Null: it is asked. */
  roots: string[] | null;
  /** What is installed there. */
  providers: { name: string; version: string | null }[];
  version: string; lastHeartbeatAt: string; incarnation: string; pid: number; host: string;
}
export interface RunnerDrain { at: string; by: string }
export interface ProviderView extends ProviderInfo { runnerIds: string[] }

export interface Heartbeat {
  runnerId: string;
  /** Made anew by every start of the runner's process. */
  incarnation: string;
  /** Grows with every heartbeat of the incarnation; an answer speaks only of the runs its own request listed. */
  n: number;
  pid: number; host: string; version: string;
  capacity: number;
  /** Agents that it starts at once: each costs seconds of a core. Absent: as many as come. */
  startsAtOnce?: number;
  labels: RunnerLabels; draining: boolean;
  /** The directories it has, where it says so; those of its sessions are in one of them. Absent: it is asked. */
  roots?: string[];
  /** Of its host, over the last minute: 1 is all cores busy. */
  cpuLoad?: number;
  /** Why it can start nothing now, e.g. that its disk takes no writes. */
  problem?: string;
  runs: { sessionId: string; runId: string; epoch: number; state: 'starting' | 'running' | 'paused' | 'ending' | 'ended' }[];
  providers: ProviderInfo[];
  /** Those of them that it has not looked at yet, right after its start: that they are not installed says nothing. */
  unlooked?: string[];
}
/** The runs of the request that the runner is to go on holding; it ends those it listed that are not here. */
export interface HeartbeatReply { held: string[]; serverTime: string }

export interface FactBatch { runnerId: string; sessionId: string; runId: string; epoch: number; facts: NumberedFact[] }

export type { TeamMember };
