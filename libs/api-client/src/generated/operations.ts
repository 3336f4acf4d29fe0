// Generated from docs/openapi.json by node tools/gen.mjs; do not edit.
import type {
  ActionDto, AddMemoryDto, AnswerApprovalDto, AnswerTypes, ContinueSessionDto, CreateProjectDto, CreateTaskDto, CreateTeamMemberDto, CreateTokenDto,
  CreateWebhookDto, InputDto, MoveInOrderingDto, PostTimelineDto, ReadNotificationsDto, ReplaceMemoryDto, ReplaceOrderingDto, SendMailDto, SpawnSessionDto,
  UpdateProjectDto, UpdateSessionDto, UpdateTaskDto, UpdateTeamMemberDto, UpdateWebhookDto,
} from '@orbitmesh/contracts';

/** What each operation takes and answers. */
export interface OperationTypes {
  /** Creates a project. */
  'projects.create': { body: CreateProjectDto; answer: AnswerTypes['Project'] };
  /** Lists projects. */
  'projects.list': { query?: { limit?: number; cursor?: string }; answer: AnswerTypes['ProjectPage'] };
  /** Shows a project. */
  'projects.get': { params: { id: string }; answer: AnswerTypes['Project'] };
  /** Changes a project. */
  'projects.update': { params: { id: string }; body?: UpdateProjectDto; answer: AnswerTypes['Project'] };
  /** Deletes a project that has no tasks, sessions or members. */
  'projects.remove': { params: { id: string }; answer: null };
  /** Creates a task. */
  'tasks.create': { body: CreateTaskDto; answer: AnswerTypes['Task'] };
  /** Lists tasks; `ready`: those that could be begun. */
  'tasks.list': { query?: { limit?: number; cursor?: string; projectId?: string; status?: 'todo' | 'in_progress' | 'in_review' | 'blocked' | 'completed' | 'cancelled'; parentId?: string; ready?: boolean }; answer: AnswerTypes['TaskPage'] };
  /** Shows a task. */
  'tasks.get': { params: { id: string }; answer: AnswerTypes['Task'] };
  /** Changes a task; `parentId` moves it. */
  'tasks.update': { params: { id: string }; body?: UpdateTaskDto; answer: AnswerTypes['Task'] };
  /** Deletes a task and all below it. */
  'tasks.remove': { params: { id: string }; answer: null };
  /** Lists the tasks right below one. */
  'tasks.children': { params: { id: string }; query?: { limit?: number; cursor?: string }; answer: AnswerTypes['TaskPage'] };
  /** Creates a team member, of a project or global. */
  'teamMembers.create': { body: CreateTeamMemberDto; answer: AnswerTypes['TeamMember'] };
  /** Lists team members; of a project its own and the global ones. */
  'teamMembers.list': { query?: { limit?: number; cursor?: string; projectId?: string; status?: 'active' | 'archived'; scope?: 'all' | 'project' | 'global' }; answer: AnswerTypes['TeamMemberPage'] };
  /** Shows a team member. */
  'teamMembers.get': { params: { id: string }; answer: AnswerTypes['TeamMember'] };
  /** Changes a team member. */
  'teamMembers.update': { params: { id: string }; body?: UpdateTeamMemberDto; answer: AnswerTypes['TeamMember'] };
  /** Deletes a team member; its tasks are nobody's then. */
  'teamMembers.remove': { params: { id: string }; answer: null };
  /** Archives a team member: it is kept, and given no new work. */
  'teamMembers.archive': { params: { id: string }; answer: AnswerTypes['TeamMember'] };
  /** Takes a team member out of the archive. */
  'teamMembers.unarchive': { params: { id: string }; answer: AnswerTypes['TeamMember'] };
  /** Lists what a team member remembers. */
  'teamMembers.memory': { params: { id: string }; answer: AnswerTypes['MemoryList'] };
  /** Gives a team member one more thing to remember. */
  'teamMembers.remember': { params: { id: string }; body: AddMemoryDto; answer: AnswerTypes['TeamMember'] };
  /** Replaces all that a team member remembers. */
  'teamMembers.replaceMemory': { params: { id: string }; body: ReplaceMemoryDto; answer: AnswerTypes['TeamMember'] };
  /** Shows which ids of a project were placed, and in what order. */
  'ordering.get': { params: { entityType: 'task' | 'session'; projectId: string }; answer: AnswerTypes['Ordering'] };
  /** Places these ids, and no others. */
  'ordering.replace': { params: { entityType: 'task' | 'session'; projectId: string }; body: ReplaceOrderingDto; answer: AnswerTypes['Ordering'] };
  /** Places one id before or after another. */
  'ordering.move': { params: { entityType: 'task' | 'session'; projectId: string }; body: MoveInOrderingDto; answer: AnswerTypes['Ordering'] };
  /** Spawns a session. */
  'sessions.spawn': { body: SpawnSessionDto; answer: AnswerTypes['SessionView'] };
  /** Lists sessions. */
  'sessions.list': { query?: { limit?: number; cursor?: string; projectId?: string; state?: 'created' | 'starting' | 'running' | 'paused' | 'stopping' | 'stopped' | 'error'; status?: 'spawning' | 'working' | 'completed' | 'failed'; taskId?: string; parentSessionId?: string }; answer: AnswerTypes['SessionPage'] };
  /** Shows a session. */
  'sessions.get': { params: { id: string }; answer: AnswerTypes['SessionView'] };
  /** Renames a session. */
  'sessions.update': { params: { id: string }; body?: UpdateSessionDto; answer: AnswerTypes['SessionView'] };
  /** Deletes a session that has ended. */
  'sessions.remove': { params: { id: string }; answer: null };
  /** Stops a session in order. */
  'sessions.stop': { params: { id: string }; body?: ActionDto; answer: AnswerTypes['SessionView'] };
  /** Pauses a session that runs. */
  'sessions.pause': { params: { id: string }; body?: ActionDto; answer: AnswerTypes['SessionView'] };
  /** Lets a paused session go on. */
  'sessions.resume': { params: { id: string }; body?: ActionDto; answer: AnswerTypes['SessionView'] };
  /** Ends a session at once. */
  'sessions.kill': { params: { id: string }; body?: ActionDto; answer: AnswerTypes['SessionView'] };
  /** Breaks off the turn that runs, and keeps the session. */
  'sessions.interrupt': { params: { id: string }; body?: ActionDto; answer: AnswerTypes['SessionView'] };
  /** Gives the agent an input. */
  'sessions.input': { params: { id: string }; body: InputDto; answer: AnswerTypes['SessionView'] };
  /** Spawns a session in the conversation of one that has ended. */
  'sessions.continue': { params: { id: string }; body: ContinueSessionDto; answer: AnswerTypes['SessionView'] };
  /** Answers a question of the agent. */
  'sessions.answerApproval': { params: { id: string; approvalId: string }; body?: AnswerApprovalDto; answer: AnswerTypes['Approval'] };
  /** Pages the events of a session. */
  'sessions.events': { params: { id: string }; query?: { after?: number; limit?: number }; answer: AnswerTypes['EventPage'] };
  /** Pages the timeline of a session: its `timeline` events. */
  'sessions.timeline': { params: { id: string }; query?: { limit?: number; cursor?: string }; answer: AnswerTypes['EventPage'] };
  /** Adds an entry to the timeline of a session. */
  'sessions.postTimeline': { params: { id: string }; body: PostTimelineDto; answer: AnswerTypes['TimelineEvent'] };
  /** Shows what a session was started with. */
  'sessions.manifest': { params: { id: string }; answer: AnswerTypes['Manifest'] };
  /** Shows what its manifest was made from. */
  'sessions.manifestInput': { params: { id: string }; answer: AnswerTypes['ManifestInput'] };
  /** Lists the states a session went through. */
  'sessions.transitions': { params: { id: string }; answer: AnswerTypes['TransitionList'] };
  /** Lists the questions that its agent asked. */
  'sessions.approvals': { params: { id: string }; answer: AnswerTypes['ApprovalList'] };
  /** Sends a mail: to one session, or to all of an audience. */
  'mail.send': { body: SendMailDto; answer: AnswerTypes['Mail'] | AnswerTypes['MailBroadcast'] };
  /** Lists mail. */
  'mail.list': { query?: { limit?: number; cursor?: string; projectId?: string; threadId?: string; fromSessionId?: string; toSessionId?: string; state?: 'queued' | 'delivered' | 'read' }; answer: AnswerTypes['MailPage'] };
  /** Lists the mail to a session. */
  'mail.inbox': { params: { sessionId: string }; query?: { limit?: number; cursor?: string; unread?: boolean; state?: 'queued' | 'delivered' | 'read' }; answer: AnswerTypes['MailPage'] };
  /** Waits for mail to a session, and gives it out. */
  'mail.wait': { params: { sessionId: string }; query?: { after?: string; timeout?: number }; answer: AnswerTypes['MailPage'] };
  /** Lists the mail of a thread, oldest first. */
  'mail.thread': { params: { threadId: string }; query?: { limit?: number; cursor?: string }; answer: AnswerTypes['MailPage'] };
  /** Shows a mail. */
  'mail.get': { params: { id: string }; answer: AnswerTypes['Mail'] };
  /** Deletes a mail. */
  'mail.remove': { params: { id: string }; answer: null };
  /** Marks a mail read. */
  'mail.read': { params: { id: string }; answer: AnswerTypes['Mail'] };
  /** Pages the feed; without `after` from the oldest event kept. */
  'events.page': { query?: { after?: string; limit?: number }; answer: AnswerTypes['EventPage'] };
  /** Lists notifications, oldest first. */
  'notifications.list': { query?: { limit?: number; cursor?: string; unread?: boolean; sessionId?: string; projectId?: string; types?: ('notify:*' | 'notify:progress' | 'notify:needs_input' | 'notify:session_completed' | 'notify:session_failed' | 'notify:session_stopped' | 'notify:session_blocked' | 'notify:task_completed' | 'notify:task_blocked' | 'notify:task_in_review' | 'notify:task_session_completed' | 'notify:task_session_failed')[] }; answer: AnswerTypes['NotificationPage'] };
  /** Marks read what matches; without a body everything. */
  'notifications.readMany': { body?: ReadNotificationsDto; answer: AnswerTypes['ReadCount'] };
  /** Shows a notification. */
  'notifications.get': { params: { id: string }; answer: AnswerTypes['Notification'] };
  /** Marks a notification read. */
  'notifications.markRead': { params: { id: string }; answer: AnswerTypes['Notification'] };
  /** Marks a notification unread. */
  'notifications.markUnread': { params: { id: string }; answer: AnswerTypes['Notification'] };
  /** Creates a webhook; its secret is at `/secret`. */
  'webhooks.create': { body: CreateWebhookDto; answer: AnswerTypes['Webhook'] };
  /** Lists webhooks. */
  'webhooks.list': { query?: { limit?: number; cursor?: string; projectId?: string }; answer: AnswerTypes['WebhookPage'] };
  /** Shows a webhook. */
  'webhooks.get': { params: { id: string }; answer: AnswerTypes['Webhook'] };
  /** Changes a webhook; one made inactive drops what waits. */
  'webhooks.update': { params: { id: string }; body?: UpdateWebhookDto; answer: AnswerTypes['Webhook'] };
  /** Deletes a webhook, and what waits for it. */
  'webhooks.remove': { params: { id: string }; answer: null };
  /** Shows the secret that signs its deliveries. */
  'webhooks.secret': { params: { id: string }; answer: AnswerTypes['WebhookSecret'] };
  /** Replaces the secret. */
  'webhooks.rotateSecret': { params: { id: string }; answer: AnswerTypes['Webhook'] };
  /** Sends a test to the webhook. */
  'webhooks.test': { params: { id: string }; answer: AnswerTypes['Delivery'] };
  /** Lists deliveries, oldest first. */
  'webhooks.deliveries': { params: { id: string }; query?: { limit?: number; cursor?: string; state?: 'pending' | 'delivered' | 'parked' }; answer: AnswerTypes['DeliveryPage'] };
  /** Shows a delivery. */
  'webhooks.delivery': { params: { id: string; deliveryId: string }; answer: AnswerTypes['Delivery'] };
  /** Sends a parked delivery again. */
  'webhooks.retry': { params: { id: string; deliveryId: string }; answer: AnswerTypes['Delivery'] };
  /** Makes a token for a user; only this answer has it in plain. */
  'tokens.create': { body: CreateTokenDto; answer: AnswerTypes['MadeToken'] };
  /** Lists users' tokens, without what they are. */
  'tokens.list': { answer: AnswerTypes['TokenList'] };
  /** Shows a user's token, without what it is. */
  'tokens.get': { params: { id: string }; answer: AnswerTypes['Token'] };
  /** Revokes a token: from the answer on it is worth nothing, and its live connections are closed. */
  'tokens.revoke': { params: { id: string }; answer: null };
  /** Replaces a token: from the answer on the old one is worth nothing. `admin`: the admin's own. */
  'tokens.rotate': { params: { id: string }; answer: AnswerTypes['MadeToken'] };
  /** Gives a ticket: `?ticket=` opens one WebSocket or event stream within 30 s, from the page that asked. */
  'tickets.create': { answer: AnswerTypes['Ticket'] };
  /** Lists runners and what they can take. */
  'runners.list': { answer: AnswerTypes['RunnerList'] };
  /** Drains a runner: it takes nothing new, and its sessions go on to their ends. It stays so until it is undone. */
  'runners.drain': { params: { id: string }; answer: AnswerTypes['RunnerView'] };
  /** Lets a runner that was drained take new sessions again. */
  'runners.undrain': { params: { id: string }; answer: AnswerTypes['RunnerView'] };
  /** Lists providers: what may be started, and what their drivers can do. */
  'providers.list': { answer: AnswerTypes['ProviderList'] };
  /** The gateway runs. */
  'system.live': { answer: AnswerTypes['Liveness'] };
  /** Everything that a session needs is there. */
  'system.ready': { answer: AnswerTypes['Readiness'] };
  /** Lists what the services found damaged, missing or edited by hand in the home, of each the newest 1,000, and when. */
  'system.damages': { answer: AnswerTypes['DamageList'] };
  /** Lists who did what, to what and from where, newest first. */
  'audit.list': { query?: { limit?: number; cursor?: string; actor?: string; on?: string; refused?: boolean; since?: string }; answer: AnswerTypes['AuditPage'] };
  /** This document. */
  'system.openapi': { answer: Record<string, unknown> };
}
export type OperationId = keyof OperationTypes;

/** Where each operation is. */
export const OPERATIONS: { readonly [Id in OperationId]: { readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'; readonly path: string } } = {
  'projects.create': { method: 'POST', path: '/api/projects' },
  'projects.list': { method: 'GET', path: '/api/projects' },
  'projects.get': { method: 'GET', path: '/api/projects/{id}' },
  'projects.update': { method: 'PATCH', path: '/api/projects/{id}' },
  'projects.remove': { method: 'DELETE', path: '/api/projects/{id}' },
  'tasks.create': { method: 'POST', path: '/api/tasks' },
  'tasks.list': { method: 'GET', path: '/api/tasks' },
  'tasks.get': { method: 'GET', path: '/api/tasks/{id}' },
  'tasks.update': { method: 'PATCH', path: '/api/tasks/{id}' },
  'tasks.remove': { method: 'DELETE', path: '/api/tasks/{id}' },
  'tasks.children': { method: 'GET', path: '/api/tasks/{id}/children' },
  'teamMembers.create': { method: 'POST', path: '/api/team-members' },
  'teamMembers.list': { method: 'GET', path: '/api/team-members' },
  'teamMembers.get': { method: 'GET', path: '/api/team-members/{id}' },
  'teamMembers.update': { method: 'PATCH', path: '/api/team-members/{id}' },
  'teamMembers.remove': { method: 'DELETE', path: '/api/team-members/{id}' },
  'teamMembers.archive': { method: 'POST', path: '/api/team-members/{id}/archive' },
  'teamMembers.unarchive': { method: 'POST', path: '/api/team-members/{id}/unarchive' },
  'teamMembers.memory': { method: 'GET', path: '/api/team-members/{id}/memory' },
  'teamMembers.remember': { method: 'POST', path: '/api/team-members/{id}/memory' },
  'teamMembers.replaceMemory': { method: 'PUT', path: '/api/team-members/{id}/memory' },
  'ordering.get': { method: 'GET', path: '/api/ordering/{entityType}/{projectId}' },
  'ordering.replace': { method: 'PUT', path: '/api/ordering/{entityType}/{projectId}' },
  'ordering.move': { method: 'POST', path: '/api/ordering/{entityType}/{projectId}/move' },
  'sessions.spawn': { method: 'POST', path: '/api/sessions/spawn' },
  'sessions.list': { method: 'GET', path: '/api/sessions' },
  'sessions.get': { method: 'GET', path: '/api/sessions/{id}' },
  'sessions.update': { method: 'PATCH', path: '/api/sessions/{id}' },
  'sessions.remove': { method: 'DELETE', path: '/api/sessions/{id}' },
  'sessions.stop': { method: 'POST', path: '/api/sessions/{id}/stop' },
  'sessions.pause': { method: 'POST', path: '/api/sessions/{id}/pause' },
  'sessions.resume': { method: 'POST', path: '/api/sessions/{id}/resume' },
  'sessions.kill': { method: 'POST', path: '/api/sessions/{id}/kill' },
  'sessions.interrupt': { method: 'POST', path: '/api/sessions/{id}/interrupt' },
  'sessions.input': { method: 'POST', path: '/api/sessions/{id}/input' },
  'sessions.continue': { method: 'POST', path: '/api/sessions/{id}/continue' },
  'sessions.answerApproval': { method: 'POST', path: '/api/sessions/{id}/approvals/{approvalId}' },
  'sessions.events': { method: 'GET', path: '/api/sessions/{id}/events' },
  'sessions.timeline': { method: 'GET', path: '/api/sessions/{id}/timeline' },
  'sessions.postTimeline': { method: 'POST', path: '/api/sessions/{id}/timeline' },
  'sessions.manifest': { method: 'GET', path: '/api/sessions/{id}/manifest' },
  'sessions.manifestInput': { method: 'GET', path: '/api/sessions/{id}/manifest/input' },
  'sessions.transitions': { method: 'GET', path: '/api/sessions/{id}/transitions' },
  'sessions.approvals': { method: 'GET', path: '/api/sessions/{id}/approvals' },
  'mail.send': { method: 'POST', path: '/api/mail' },
  'mail.list': { method: 'GET', path: '/api/mail' },
  'mail.inbox': { method: 'GET', path: '/api/mail/inbox/{sessionId}' },
  'mail.wait': { method: 'GET', path: '/api/mail/wait/{sessionId}' },
  'mail.thread': { method: 'GET', path: '/api/mail/thread/{threadId}' },
  'mail.get': { method: 'GET', path: '/api/mail/{id}' },
  'mail.remove': { method: 'DELETE', path: '/api/mail/{id}' },
  'mail.read': { method: 'POST', path: '/api/mail/{id}/read' },
  'events.page': { method: 'GET', path: '/api/events' },
  'notifications.list': { method: 'GET', path: '/api/notifications' },
  'notifications.readMany': { method: 'POST', path: '/api/notifications/read' },
  'notifications.get': { method: 'GET', path: '/api/notifications/{id}' },
  'notifications.markRead': { method: 'POST', path: '/api/notifications/{id}/read' },
  'notifications.markUnread': { method: 'POST', path: '/api/notifications/{id}/unread' },
  'webhooks.create': { method: 'POST', path: '/api/webhooks' },
  'webhooks.list': { method: 'GET', path: '/api/webhooks' },
  'webhooks.get': { method: 'GET', path: '/api/webhooks/{id}' },
  'webhooks.update': { method: 'PATCH', path: '/api/webhooks/{id}' },
  'webhooks.remove': { method: 'DELETE', path: '/api/webhooks/{id}' },
  'webhooks.secret': { method: 'GET', path: '/api/webhooks/{id}/secret' },
  'webhooks.rotateSecret': { method: 'POST', path: '/api/webhooks/{id}/rotate-secret' },
  'webhooks.test': { method: 'POST', path: '/api/webhooks/{id}/test' },
  'webhooks.deliveries': { method: 'GET', path: '/api/webhooks/{id}/deliveries' },
  'webhooks.delivery': { method: 'GET', path: '/api/webhooks/{id}/deliveries/{deliveryId}' },
  'webhooks.retry': { method: 'POST', path: '/api/webhooks/{id}/deliveries/{deliveryId}/retry' },
  'tokens.create': { method: 'POST', path: '/api/tokens' },
  'tokens.list': { method: 'GET', path: '/api/tokens' },
  'tokens.get': { method: 'GET', path: '/api/tokens/{id}' },
  'tokens.revoke': { method: 'DELETE', path: '/api/tokens/{id}' },
  'tokens.rotate': { method: 'POST', path: '/api/tokens/{id}/rotate' },
  'tickets.create': { method: 'POST', path: '/api/tickets' },
  'runners.list': { method: 'GET', path: '/api/runners' },
  'runners.drain': { method: 'POST', path: '/api/runners/{id}/drain' },
  'runners.undrain': { method: 'POST', path: '/api/runners/{id}/undrain' },
  'providers.list': { method: 'GET', path: '/api/providers' },
  'system.live': { method: 'GET', path: '/health/live' },
  'system.ready': { method: 'GET', path: '/health/ready' },
  'system.damages': { method: 'GET', path: '/api/system/damages' },
  'audit.list': { method: 'GET', path: '/api/audit' },
  'system.openapi': { method: 'GET', path: '/openapi.json' },
};
