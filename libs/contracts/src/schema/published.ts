import type {
  Approval, EventEnvelope, EventMap, Mail, MailBroadcast, Manifest, ManifestInput, Ordering, Project, SessionView, Task, TeamMember, TimelineEntry, Transition,
} from '@orbitmesh/domain';
import type { AuditEntry } from '../http/audit.dto.js';
import type { ServerFrame } from '../http/live.js';
import type { Problem } from '../http/problem.js';
import type { MadeToken, Ticket, Token } from '../http/token.js';
import type { Delivery, NotifierRpc, Notification, Webhook } from '../rpc/notifier.contract.js';
import type { EventPage, List, Page, RpcRequest, RpcResponse, Topic } from '../rpc/rpc.js';
import type { AnyRunnerRpc, RunnerRpc } from '../rpc/runner.contract.js';
import type { DamageView, ProviderView, RunnerView, SessionRpc } from '../rpc/session.contract.js';
import type { Topics } from '../rpc/topics.js';

/** `GET /health/ready`. */
export interface Readiness {
  ready: boolean;
  /** Nothing waits for the notifier: it is told, and does not decide. */
  checks: { gateway: boolean; sessionService: boolean; runners: number; notifier: boolean };
  /** What a service that answers says is wrong with it; also of one that serves: that it found damages, for example. */
  problems?: { sessionService?: string; notifier?: string };
}
export interface Liveness { ok: true }

/** What REST answers, by the name its schema has; generic ones have none of their own. */
export interface AnswerTypes {
  Project: Project;
  ProjectPage: Page<Project>;
  Task: Task;
  TaskPage: Page<Task>;
  TeamMember: TeamMember;
  TeamMemberPage: Page<TeamMember>;
  MemoryList: List<string>;
  Ordering: Ordering;
  SessionView: SessionView;
  SessionPage: Page<SessionView>;
  TransitionList: List<Transition>;
  ApprovalList: List<Approval>;
  Approval: Approval;
  Manifest: Manifest;
  ManifestInput: ManifestInput;
  TimelineEvent: EventEnvelope<'timeline', TimelineEntry>;
  EventEnvelope: EventEnvelope;
  EventPage: EventPage;
  Mail: Mail;
  MailPage: Page<Mail>;
  MailBroadcast: MailBroadcast;
  Notification: Notification;
  NotificationPage: Page<Notification>;
  ReadCount: RpcResponse<typeof NotifierRpc.readMany>['body'];
  Webhook: Webhook;
  WebhookPage: Page<Webhook>;
  WebhookSecret: RpcResponse<typeof NotifierRpc.webhookSecret>;
  Delivery: Delivery;
  DeliveryPage: Page<Delivery>;
  Token: Token;
  TokenList: List<Token>;
  MadeToken: MadeToken;
  Ticket: Ticket;
  RunnerView: RunnerView;
  RunnerList: List<RunnerView>;
  ProviderList: List<ProviderView>;
  DamageList: List<DamageView>;
  AuditPage: Page<AuditEntry>;
  Readiness: Readiness;
  Liveness: Liveness;
  Problem: Problem;
}
export type AnswerName = keyof AnswerTypes;

type Payloads<Contracts> = { [K in keyof Contracts]: { request: RpcRequest<Contracts[K]>; response: RpcResponse<Contracts[K]> } };
type Messages<Contracts> = { [K in keyof Contracts]: Contracts[K] extends Topic<infer Message> ? Message : never };

/** What crosses NATS, by contract. */
export interface RpcPayloads {
  SessionRpc: Payloads<typeof SessionRpc>;
  RunnerRpc: Payloads<typeof RunnerRpc>;
  AnyRunnerRpc: Payloads<typeof AnyRunnerRpc>;
  NotifierRpc: Payloads<typeof NotifierRpc>;
}
export interface TopicPayloads { Topics: Messages<typeof Topics> }

/** What `/ws` says. */
export interface FrameTypes { ServerFrame: ServerFrame }

/** Everything that gets a schema; `tools/lib/type-schemas.mjs` reads it out of the compiler. */
export interface Published {
  answers: AnswerTypes;
  events: EventMap;
  frames: FrameTypes;
  rpc: RpcPayloads;
  topics: TopicPayloads;
}
