import type { OrderedEntity } from '@orbitmesh/domain';
import type {
  ContinueSessionBody, CreateProjectBody, CreateTaskBody, CreateTeamMemberBody, CreateTokenBody, CreateWebhookBody, EventFilterDto, MoveInOrderingBody, PageQuery, PostTimelineBody,
  ReadNotificationsBody, SendMailBody, SessionAction, SpawnSessionBody, UpdateProjectBody, UpdateTaskBody, UpdateTeamMemberBody, UpdateWebhookBody,
} from '@orbitmesh/contracts';
import { Operations, type OperationInput } from './call.js';
import { Feed, type FeedOptions } from './feed.js';
import type { OperationId } from './generated/operations.js';
import { MAIL_WAIT_MARGIN_MS } from './limits.js';
import type { CallOptions, ConnectionOptions } from './transport.js';

export type { EventPage, Readiness } from '@orbitmesh/contracts';
export type { Delivery, Webhook } from '@orbitmesh/contracts';
export { DELIVERY_STATES, type DeliveryState } from '@orbitmesh/contracts/wire';

type QueryOf<Id extends OperationId> = OperationInput<Id> extends { query?: infer Query } ? NonNullable<Query> : never;
export type SessionQuery = QueryOf<'sessions.list'>;
export type TaskQuery = QueryOf<'tasks.list'>;
export type TeamMemberQuery = QueryOf<'teamMembers.list'>;
export type MailQuery = QueryOf<'mail.list'>;

/**
 * Everything OrbitMesh offers, typed by the OpenAPI document: `call` takes any operation by its id, the rest are its words for
 * people. Reads give the document, mutations the whole answer. @throws ApiError, UnreachableError
 */
export class ApiClient extends Operations {
  constructor(private readonly connection: ConnectionOptions) {
    super(connection);
  }

  createProject(body: CreateProjectBody, options?: CallOptions) { return this.call('projects.create', { body }, options); }
  project(id: string) { return this.read('projects.get', { params: { id } }); }
  projects(query?: PageQuery) { return this.read('projects.list', { query }); }
  updateProject(id: string, body: UpdateProjectBody, options?: CallOptions) { return this.call('projects.update', { params: { id }, body }, options); }
  deleteProject(id: string, options?: CallOptions) { return this.call('projects.remove', { params: { id } }, options); }

  createTask(body: CreateTaskBody, options?: CallOptions) { return this.call('tasks.create', { body }, options); }
  task(id: string) { return this.read('tasks.get', { params: { id } }); }
  tasks(query?: TaskQuery) { return this.read('tasks.list', { query }); }
  taskChildren(id: string, query?: PageQuery) { return this.read('tasks.children', { params: { id }, query }); }
  updateTask(id: string, body: UpdateTaskBody, options?: CallOptions) { return this.call('tasks.update', { params: { id }, body }, options); }
  deleteTask(id: string, options?: CallOptions) { return this.call('tasks.remove', { params: { id } }, options); }

  spawn(body: SpawnSessionBody, options?: CallOptions) { return this.call('sessions.spawn', { body }, options); }
  continueSession(id: string, body: ContinueSessionBody, options?: CallOptions) { return this.call('sessions.continue', { params: { id }, body }, options); }
  session(id: string) { return this.read('sessions.get', { params: { id } }); }
  sessions(query?: SessionQuery) { return this.read('sessions.list', { query }); }
  renameSession(id: string, name: string, options?: CallOptions) { return this.call('sessions.update', { params: { id }, body: { name } }, options); }
  deleteSession(id: string, options?: CallOptions) { return this.call('sessions.remove', { params: { id } }, options); }
  act(id: string, action: SessionAction, reason?: string, options?: CallOptions) { return this.call(`sessions.${action}`, { params: { id }, body: { reason } }, options); }
  /** `steer`: into the turn that runs, where the agent can. */
  input(id: string, text: string, options?: CallOptions & { steer?: boolean }) { return this.call('sessions.input', { params: { id }, body: { text, ...(options?.steer && { steer: true }) } }, options); }
  manifest(id: string) { return this.read('sessions.manifest', { params: { id } }); }
  manifestInput(id: string) { return this.read('sessions.manifestInput', { params: { id } }); }
  transitions(id: string) { return this.read('sessions.transitions', { params: { id } }); }
  approvals(id: string) { return this.read('sessions.approvals', { params: { id } }); }
  timeline(id: string, query?: PageQuery) { return this.read('sessions.timeline', { params: { id }, query }); }
  postTimeline(id: string, body: PostTimelineBody, options?: CallOptions) { return this.call('sessions.postTimeline', { params: { id }, body }, options); }
  answerApproval(id: string, approvalId: string, answer: { optionId?: string; decision?: 'allow' | 'deny'; reason?: string }, options?: CallOptions) {
    return this.call('sessions.answerApproval', { params: { id, approvalId }, body: answer }, options);
  }

  /** `after`: a sessionSeq. The end is an empty page. */
  sessionEvents(id: string, query?: { after?: number; limit?: number }) { return this.read('sessions.events', { params: { id }, query }); }
  /** `after`: a cursor; without one, from the oldest event kept. The end is an empty page. */
  events(query?: { after?: string; limit?: number }) { return this.read('events.page', { query }); }

  createTeamMember(body: CreateTeamMemberBody, options?: CallOptions) { return this.call('teamMembers.create', { body }, options); }
  teamMember(id: string) { return this.read('teamMembers.get', { params: { id } }); }
  teamMembers(query?: TeamMemberQuery) { return this.read('teamMembers.list', { query }); }
  updateTeamMember(id: string, body: UpdateTeamMemberBody, options?: CallOptions) { return this.call('teamMembers.update', { params: { id }, body }, options); }
  deleteTeamMember(id: string, options?: CallOptions) { return this.call('teamMembers.remove', { params: { id } }, options); }
  archiveTeamMember(id: string, options?: CallOptions) { return this.call('teamMembers.archive', { params: { id } }, options); }
  unarchiveTeamMember(id: string, options?: CallOptions) { return this.call('teamMembers.unarchive', { params: { id } }, options); }
  memory(id: string) { return this.read('teamMembers.memory', { params: { id } }); }
  addMemory(id: string, text: string, options?: CallOptions) { return this.call('teamMembers.remember', { params: { id }, body: { text } }, options); }
  replaceMemory(id: string, memory: string[], options?: CallOptions) { return this.call('teamMembers.replaceMemory', { params: { id }, body: { memory } }, options); }

  ordering(entityType: OrderedEntity, projectId: string) { return this.read('ordering.get', { params: { entityType, projectId } }); }
  replaceOrdering(entityType: OrderedEntity, projectId: string, ids: string[], options?: CallOptions) { return this.call('ordering.replace', { params: { entityType, projectId }, body: { ids } }, options); }
  moveInOrdering(entityType: OrderedEntity, projectId: string, body: MoveInOrderingBody, options?: CallOptions) { return this.call('ordering.move', { params: { entityType, projectId }, body }, options); }

  /** To one session: the mail; to an audience: who got which. */
  sendMail(body: SendMailBody, options?: CallOptions) { return this.call('mail.send', { body }, options); }
  mail(id: string) { return this.read('mail.get', { params: { id } }); }
  mails(query?: MailQuery) { return this.read('mail.list', { query }); }
  inbox(sessionId: string, query?: QueryOf<'mail.inbox'>) { return this.read('mail.inbox', { params: { sessionId }, query }); }
  /** Answers when there is mail, at the latest after `timeout` seconds, then with none; `after`: the `nextCursor` of the wait before. */
  waitForMail(sessionId: string, query: { after?: string; timeout: number }, options?: CallOptions) {
    return this.read('mail.wait', { params: { sessionId }, query }, { ...options, attemptMs: query.timeout * 1_000 + MAIL_WAIT_MARGIN_MS });
  }
  thread(threadId: string, query?: PageQuery) { return this.read('mail.thread', { params: { threadId }, query }); }
  readMail(id: string, options?: CallOptions) { return this.call('mail.read', { params: { id } }, options); }
  deleteMail(id: string, options?: CallOptions) { return this.call('mail.remove', { params: { id } }, options); }

  notifications(query?: QueryOf<'notifications.list'>) { return this.read('notifications.list', { query }); }
  notification(id: string) { return this.read('notifications.get', { params: { id } }); }
  markRead(id: string, options?: CallOptions) { return this.call('notifications.markRead', { params: { id } }, options); }
  markUnread(id: string, options?: CallOptions) { return this.call('notifications.markUnread', { params: { id } }, options); }
  markAllRead(body: ReadNotificationsBody = {}, options?: CallOptions) { return this.call('notifications.readMany', { body }, options); }

  createWebhook(body: CreateWebhookBody, options?: CallOptions) { return this.call('webhooks.create', { body }, options); }
  webhook(id: string) { return this.read('webhooks.get', { params: { id } }); }
  webhooks(query?: QueryOf<'webhooks.list'>) { return this.read('webhooks.list', { query }); }
  updateWebhook(id: string, body: UpdateWebhookBody, options?: CallOptions) { return this.call('webhooks.update', { params: { id }, body }, options); }
  deleteWebhook(id: string, options?: CallOptions) { return this.call('webhooks.remove', { params: { id } }, options); }
  webhookSecret(id: string) { return this.read('webhooks.secret', { params: { id } }); }
  rotateWebhookSecret(id: string, options?: CallOptions) { return this.call('webhooks.rotateSecret', { params: { id } }, options); }
  testWebhook(id: string, options?: CallOptions) { return this.call('webhooks.test', { params: { id } }, options); }
  delivery(id: string, deliveryId: string) { return this.read('webhooks.delivery', { params: { id, deliveryId } }); }
  deliveries(id: string, query?: QueryOf<'webhooks.deliveries'>) { return this.read('webhooks.deliveries', { params: { id }, query }); }
  retryDelivery(id: string, deliveryId: string, options?: CallOptions) { return this.call('webhooks.retry', { params: { id, deliveryId } }, options); }

  /** Only the answer has the token itself. */
  createToken(body: CreateTokenBody, options?: CallOptions) { return this.call('tokens.create', { body }, options); }
  token(id: string) { return this.read('tokens.get', { params: { id } }); }
  tokens() { return this.read('tokens.list'); }
  revokeToken(id: string, options?: CallOptions) { return this.call('tokens.revoke', { params: { id } }, options); }
  /** `admin`: the owner's own. */
  rotateToken(id: string, options?: CallOptions) { return this.call('tokens.rotate', { params: { id } }, options); }
  /** For one WebSocket or event stream of a browser. */
  ticket(options?: CallOptions) { return this.call('tickets.create', {}, options); }

  runners() { return this.read('runners.list'); }
  drainRunner(id: string, options?: CallOptions) { return this.call('runners.drain', { params: { id } }, options); }
  undrainRunner(id: string, options?: CallOptions) { return this.call('runners.undrain', { params: { id } }, options); }
  providers() { return this.read('providers.list'); }
  /** As it is now, asked once. @throws ApiError 503 with `checks` while something is missing */
  damages() { return this.read('system.damages'); }
  /** Newest first. */
  audit(query?: QueryOf<'audit.list'>) { return this.read('audit.list', { query }); }
  ready(attemptMs?: number) { return this.read('system.ready', {}, { once: true, attemptMs }); }

  /** Live events, exactly once and in order, across reconnects; without `after` from now on. */
  feed(filter: Partial<EventFilterDto> = {}, options: Omit<FeedOptions, 'filter'> = {}): Feed {
    return new Feed(this.connection, { ...options, filter });
  }
}
