import type {
  Approval, EventEnvelope, Mail, MailBroadcast, MailState, Manifest, ManifestInput, OrderedEntity, Ordering, Project, SessionState, SessionStatus, SessionView, Task, TaskStatus,
  TeamMember, TimelineEntry, Transition,
} from '@orbitmesh/domain';
import type {
  ContinueSessionBody, CreateProjectBody, CreateTaskBody, CreateTeamMemberBody, EventFilterDto, MoveInOrderingBody, Notification, Page, PageQuery, PostTimelineBody, ProviderView,
  RunnerView, SendMailBody, SessionAction, SpawnSessionBody, UpdateProjectBody, UpdateTaskBody, UpdateTeamMemberBody,
} from '@orbitmesh/contracts';
import { Feed, type FeedOptions } from './feed.js';
import { MAIL_WAIT_MARGIN_MS } from './limits.js';
import { Transport, type ApiAnswer, type CallOptions, type ConnectionOptions } from './transport.js';
import type { CreateWebhookBody, Delivery, DeliveryState, UpdateWebhookBody, Webhook } from './webhooks.js';

export interface EventPage { items: EventEnvelope[]; nextCursor: string }
export type SessionQuery = PageQuery & { projectId?: string; state?: SessionState; status?: SessionStatus; taskId?: string; parentSessionId?: string };
export type TaskQuery = PageQuery & { projectId?: string; status?: TaskStatus; parentId?: string; ready?: boolean };
export type TeamMemberQuery = PageQuery & { projectId?: string; status?: TeamMember['status']; scope?: 'all' | 'project' | 'global' };
export type MailQuery = PageQuery & { projectId?: string; threadId?: string; fromSessionId?: string; toSessionId?: string; state?: MailState };
export interface Readiness { ready: boolean; checks: { gateway: boolean; sessionService: boolean; runners: number } }

const id = encodeURIComponent;

/** Everything OrbitMesh offers, typed. Reads give the document, mutations the whole answer. @throws ApiError, UnreachableError */
export class ApiClient {
  private readonly transport: Transport;

  constructor(private readonly connection: ConnectionOptions) {
    this.transport = new Transport(connection);
  }

  createProject(body: CreateProjectBody, options?: CallOptions) { return this.post<Project>('/api/projects', body, options); }
  project(projectId: string) { return this.get<Project>(`/api/projects/${id(projectId)}`); }
  projects(query?: PageQuery) { return this.get<Page<Project>>('/api/projects', query); }
  updateProject(projectId: string, body: UpdateProjectBody, options?: CallOptions) { return this.patch<Project>(`/api/projects/${id(projectId)}`, body, options); }
  deleteProject(projectId: string, options?: CallOptions) { return this.delete(`/api/projects/${id(projectId)}`, options); }

  createTask(body: CreateTaskBody, options?: CallOptions) { return this.post<Task>('/api/tasks', body, options); }
  task(taskId: string) { return this.get<Task>(`/api/tasks/${id(taskId)}`); }
  tasks(query?: TaskQuery) { return this.get<Page<Task>>('/api/tasks', query); }
  taskChildren(taskId: string, query?: PageQuery) { return this.get<Page<Task>>(`/api/tasks/${id(taskId)}/children`, query); }
  updateTask(taskId: string, body: UpdateTaskBody, options?: CallOptions) { return this.patch<Task>(`/api/tasks/${id(taskId)}`, body, options); }
  deleteTask(taskId: string, options?: CallOptions) { return this.delete(`/api/tasks/${id(taskId)}`, options); }

  spawn(body: SpawnSessionBody, options?: CallOptions) { return this.post<SessionView>('/api/sessions/spawn', body, options); }
  session(sessionId: string) { return this.get<SessionView>(sessionPath(sessionId)); }
  sessions(query?: SessionQuery) { return this.get<Page<SessionView>>('/api/sessions', query); }
  renameSession(sessionId: string, name: string, options?: CallOptions) { return this.patch<SessionView>(sessionPath(sessionId), { name }, options); }
  deleteSession(sessionId: string, options?: CallOptions) { return this.delete(sessionPath(sessionId), options); }
  act(sessionId: string, action: SessionAction, reason?: string, options?: CallOptions) { return this.post<SessionView>(sessionPath(sessionId, action), { reason }, options); }
  input(sessionId: string, text: string, options?: CallOptions) { return this.post<SessionView>(sessionPath(sessionId, 'input'), { text }, options); }
  manifest(sessionId: string) { return this.get<Manifest>(sessionPath(sessionId, 'manifest')); }
  manifestInput(sessionId: string) { return this.get<ManifestInput>(sessionPath(sessionId, 'manifest/input')); }
  transitions(sessionId: string) { return this.get<Page<Transition>>(sessionPath(sessionId, 'transitions')); }
  approvals(sessionId: string) { return this.get<Page<Approval>>(sessionPath(sessionId, 'approvals')); }
  timeline(sessionId: string, query?: PageQuery) { return this.get<EventPage>(sessionPath(sessionId, 'timeline'), query); }
  postTimeline(sessionId: string, body: PostTimelineBody, options?: CallOptions) {
    return this.post<EventEnvelope<'timeline', TimelineEntry>>(sessionPath(sessionId, 'timeline'), body, options);
  }
  answerApproval(sessionId: string, approvalId: string, answer: { optionId?: string; decision?: 'allow' | 'deny'; reason?: string }, options?: CallOptions) {
    return this.post<Approval>(sessionPath(sessionId, `approvals/${id(approvalId)}`), answer, options);
  }

  /** `after`: a sessionSeq. The end is an empty page. */
  sessionEvents(sessionId: string, query?: { after?: number; limit?: number }) { return this.get<EventPage>(sessionPath(sessionId, 'events'), query); }
  /** `after`: a cursor; without one, from the oldest event kept. The end is an empty page. */
  events(query?: { after?: string; limit?: number }) { return this.get<EventPage>('/api/events', query); }
  notifications(query?: PageQuery & { unread?: boolean; sessionId?: string; projectId?: string }) { return this.get<Page<Notification>>('/api/notifications', query); }
  notification(notificationId: string) { return this.get<Notification>(`/api/notifications/${id(notificationId)}`); }
  markRead(notificationId: string, options?: CallOptions) { return this.post<Notification>(`/api/notifications/${id(notificationId)}/read`, undefined, options); }

  createTeamMember(body: CreateTeamMemberBody, options?: CallOptions) { return this.post<TeamMember>('/api/team-members', body, options); }
  teamMember(memberId: string) { return this.get<TeamMember>(memberPath(memberId)); }
  teamMembers(query?: TeamMemberQuery) { return this.get<Page<TeamMember>>('/api/team-members', query); }
  updateTeamMember(memberId: string, body: UpdateTeamMemberBody, options?: CallOptions) { return this.patch<TeamMember>(memberPath(memberId), body, options); }
  deleteTeamMember(memberId: string, options?: CallOptions) { return this.delete(memberPath(memberId), options); }
  archiveTeamMember(memberId: string, options?: CallOptions) { return this.post<TeamMember>(memberPath(memberId, 'archive'), undefined, options); }
  unarchiveTeamMember(memberId: string, options?: CallOptions) { return this.post<TeamMember>(memberPath(memberId, 'unarchive'), undefined, options); }
  memory(memberId: string) { return this.get<Page<string>>(memberPath(memberId, 'memory')); }
  addMemory(memberId: string, text: string, options?: CallOptions) { return this.post<TeamMember>(memberPath(memberId, 'memory'), { text }, options); }
  replaceMemory(memberId: string, memory: string[], options?: CallOptions) { return this.put<TeamMember>(memberPath(memberId, 'memory'), { memory }, options); }

  ordering(entityType: OrderedEntity, projectId: string) { return this.get<Ordering>(orderingPath(entityType, projectId)); }
  replaceOrdering(entityType: OrderedEntity, projectId: string, ids: string[], options?: CallOptions) { return this.put<Ordering>(orderingPath(entityType, projectId), { ids }, options); }
  moveInOrdering(entityType: OrderedEntity, projectId: string, body: MoveInOrderingBody, options?: CallOptions) { return this.post<Ordering>(`${orderingPath(entityType, projectId)}/move`, body, options); }

  continueSession(sessionId: string, body: ContinueSessionBody, options?: CallOptions) { return this.post<SessionView>(sessionPath(sessionId, 'continue'), body, options); }

  /** To one session: the mail; to an audience: who got which. */
  sendMail(body: SendMailBody, options?: CallOptions) { return this.post<Mail | MailBroadcast>('/api/mail', body, options); }
  mail(mailId: string) { return this.get<Mail>(`/api/mail/${id(mailId)}`); }
  mails(query?: MailQuery) { return this.get<Page<Mail>>('/api/mail', query); }
  inbox(sessionId: string, query?: PageQuery & { unread?: boolean; state?: MailState }) { return this.get<Page<Mail>>(`/api/mail/inbox/${id(sessionId)}`, query); }
  /** Answers when there is mail, at the latest after `timeout` seconds, then with none; `after`: the `nextCursor` of the wait before. */
  async waitForMail(sessionId: string, query: { after?: string; timeout: number }): Promise<Page<Mail>> {
    return (await this.transport.send<Page<Mail>>({ method: 'GET', path: `/api/mail/wait/${id(sessionId)}`, query, attemptMs: query.timeout * 1_000 + MAIL_WAIT_MARGIN_MS })).body;
  }
  thread(threadId: string, query?: PageQuery) { return this.get<Page<Mail>>(`/api/mail/thread/${id(threadId)}`, query); }
  readMail(mailId: string, options?: CallOptions) { return this.post<Mail>(`/api/mail/${id(mailId)}/read`, undefined, options); }
  deleteMail(mailId: string, options?: CallOptions) { return this.delete(`/api/mail/${id(mailId)}`, options); }

  markUnread(notificationId: string, options?: CallOptions) { return this.post<Notification>(`/api/notifications/${id(notificationId)}/unread`, undefined, options); }
  markAllRead(body: { upTo?: string; projectId?: string; sessionId?: string } = {}, options?: CallOptions) { return this.post<{ read: number }>('/api/notifications/read', body, options); }

  createWebhook(body: CreateWebhookBody, options?: CallOptions) { return this.post<Webhook>('/api/webhooks', body, options); }
  webhook(webhookId: string) { return this.get<Webhook>(webhookPath(webhookId)); }
  webhooks(query?: PageQuery) { return this.get<Page<Webhook>>('/api/webhooks', query); }
  updateWebhook(webhookId: string, body: UpdateWebhookBody, options?: CallOptions) { return this.patch<Webhook>(webhookPath(webhookId), body, options); }
  deleteWebhook(webhookId: string, options?: CallOptions) { return this.delete(webhookPath(webhookId), options); }
  webhookSecret(webhookId: string) { return this.get<{ secret: string }>(webhookPath(webhookId, 'secret')); }
  rotateWebhookSecret(webhookId: string, options?: CallOptions) { return this.post<Webhook>(webhookPath(webhookId, 'rotate-secret'), undefined, options); }
  testWebhook(webhookId: string, options?: CallOptions) { return this.post<Delivery>(webhookPath(webhookId, 'test'), undefined, options); }
  deliveries(webhookId: string, query?: PageQuery & { state?: DeliveryState }) { return this.get<Page<Delivery>>(webhookPath(webhookId, 'deliveries'), query); }
  retryDelivery(webhookId: string, deliveryId: string, options?: CallOptions) { return this.post<Delivery>(webhookPath(webhookId, `deliveries/${id(deliveryId)}/retry`), undefined, options); }

  runners() { return this.get<Page<RunnerView>>('/api/runners'); }
  providers() { return this.get<Page<ProviderView>>('/api/providers'); }
  /** @throws ApiError 503 with `checks` while something is missing */
  ready() { return this.get<Readiness>('/health/ready'); }

  /** Live events, exactly once and in order, across reconnects; without `after` from now on. */
  feed(filter: Partial<EventFilterDto> = {}, options: Omit<FeedOptions, 'filter'> = {}): Feed {
    return new Feed(this.connection, { ...options, filter });
  }

  private async get<T>(path: string, query?: object): Promise<T> {
    return (await this.transport.send<T>({ method: 'GET', path, query })).body;
  }

  private post<T>(path: string, body: unknown, options?: CallOptions): Promise<ApiAnswer<T>> {
    return this.transport.send<T>({ method: 'POST', path, body, ...options });
  }

  private put<T>(path: string, body: unknown, options?: CallOptions): Promise<ApiAnswer<T>> {
    return this.transport.send<T>({ method: 'PUT', path, body, ...options });
  }

  private patch<T>(path: string, body: unknown, options?: CallOptions): Promise<ApiAnswer<T>> {
    return this.transport.send<T>({ method: 'PATCH', path, body, ...options });
  }

  private delete(path: string, options?: CallOptions): Promise<ApiAnswer<null>> {
    return this.transport.send<null>({ method: 'DELETE', path, ...options });
  }
}

function sessionPath(sessionId: string, rest?: string): string {
  return `/api/sessions/${id(sessionId)}${rest ? `/${rest}` : ''}`;
}

function memberPath(memberId: string, rest?: string): string {
  return `/api/team-members/${id(memberId)}${rest ? `/${rest}` : ''}`;
}

function orderingPath(entityType: OrderedEntity, projectId: string): string {
  return `/api/ordering/${entityType}/${id(projectId)}`;
}

function webhookPath(webhookId: string, rest?: string): string {
  return `/api/webhooks/${id(webhookId)}${rest ? `/${rest}` : ''}`;
}
