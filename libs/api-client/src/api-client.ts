import type { Approval, EventEnvelope, Manifest, ManifestInput, Project, SessionState, SessionStatus, SessionView, Task, TaskStatus, TimelineEntry, TimelineKind, Transition } from '@orbitmesh/domain';
import type {
  CreateProjectBody, CreateTaskBody, EventFilterDto, Notification, Page, PageQuery, ProviderView, RunnerView, SessionAction, SpawnSessionBody, UpdateProjectBody, UpdateTaskBody,
} from '@orbitmesh/contracts';
import { Feed, type FeedOptions } from './feed.js';
import { Transport, type ApiAnswer, type CallOptions, type ConnectionOptions } from './transport.js';

export interface EventPage { items: EventEnvelope[]; nextCursor: string }
export type SessionQuery = PageQuery & { projectId?: string; state?: SessionState; status?: SessionStatus; taskId?: string; parentSessionId?: string };
export type TaskQuery = PageQuery & { projectId?: string; status?: TaskStatus; parentId?: string; ready?: boolean };
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
  postTimeline(sessionId: string, body: { kind: TimelineKind; message: string; taskId?: string }, options?: CallOptions) {
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
