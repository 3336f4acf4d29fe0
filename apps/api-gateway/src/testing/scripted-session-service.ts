import { AppError, type EventEnvelope, type FeedEvent } from '@orbitmesh/domain';
import { HEAD_BEACON_MS, NotifierRpc, SessionRpc, Topics, type CommandMeta, type MutationReply, type Rpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';

export const LOG_ID = 'in_test-1';
const TIME = '2026-01-01T00:00:00.000Z';

/** What a request was, as it came over NATS. */
export interface Asked { name: string; req: Record<string, unknown> }

/** Answers for session-service and notifier over a real NATS; its feed is a real list with real pages. */
export class ScriptedSessionService {
  readonly asked: Asked[] = [];
  readonly agents = new Map<string, { sessionId: string; projectId: string; taskIds: string[] }>();
  /** Replaces an answer; may throw an AppError. */
  readonly answers = new Map<string, (req: never) => unknown>();
  logId = LOG_ID;
  /** Names that the log had before, and how far it is theirs. */
  readonly formerly = new Map<string, number>();
  oldest = 1;
  pages = 0;
  private feed: EventEnvelope[] = [];
  private timer: NodeJS.Timeout | undefined;

  private constructor(readonly bus: Bus) {}

  static async start(url: string, installationId: string): Promise<ScriptedSessionService> {
    const service = new ScriptedSessionService(await Bus.connect({ url, installationId, name: 'scripted' }));
    service.serveAll();
    service.timer = setInterval(() => service.beacon(), HEAD_BEACON_MS / 5);
    await service.bus.flush();
    return service;
  }

  /** Events whose record in the log was damaged: no page has them. */
  readonly damaged = new Set<number>();

  get head(): string {
    return `${this.logId}.${this.feed.length}`;
  }

  get length(): number {
    return this.feed.length;
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.bus.drain();
  }

  /** Appends one commit. `heard: false`: its live message is lost. */
  commit(events: Partial<FeedEvent>[], { heard = true } = {}): EventEnvelope[] {
    const committed = events.map((event, index) => this.envelope(event, this.feed.length + index + 1, index === events.length - 1));
    this.feed.push(...committed);
    if (heard) this.bus.publish(Topics.committed, { logId: this.logId, events: committed });
    return committed;
  }

  /** Another log, as after a restore from a backup. */
  replaceLog(logId: string, events: Partial<FeedEvent>[]): void {
    this.logId = logId;
    this.feed = [];
    this.commit(events, { heard: false });
  }

  /** The log goes on from `seq` under another name: what it had after that is lost. */
  restore(logId: string, seq: number): void {
    this.formerly.set(this.logId, seq);
    this.logId = logId;
    this.feed = this.feed.slice(0, seq);
  }

  beacon(): void {
    this.bus.publish(Topics.head, { logId: this.logId, cursor: this.head, seq: this.feed.length });
  }

  silence(): void {
    clearInterval(this.timer);
  }

  requestsOf(rpc: { name: string }): Asked[] {
    return this.asked.filter((one) => one.name === rpc.name);
  }

  private envelope(event: Partial<FeedEvent>, seq: number, commitEnd: boolean): EventEnvelope {
    return { type: 'output', timestamp: TIME, data: { content: `#${seq}` }, ...event, seq, cursor: `${this.logId}.${seq}`, id: `evt_${seq}`, commitEnd };
  }

  private serve<Req, Res>(rpc: Rpc<Req, Res>, answer: (req: Req) => Res): void {
    this.bus.serve(rpc, (req) => {
      this.asked.push({ name: rpc.name, req: req as Record<string, unknown> });
      const scripted = this.answers.get(rpc.name) as ((req: Req) => Res) | undefined;
      return (scripted ?? answer)(req);
    });
  }

  private mutation<Req extends { meta: CommandMeta }>(rpc: Rpc<Req, MutationReply<never>>, status: MutationReply['status'], body: (req: Req) => unknown): void {
    this.serve(rpc, (req) => ({ status, body: (status === 204 ? null : body(req)) as never, cursor: this.head }));
  }

  private serveAll(): void {
    const echo = (id: string) => (req: { meta: CommandMeta; body?: object }) => ({ id, ...req.body, revision: 1 });
    this.mutation(SessionRpc.createProject as never, 201, echo('proj_1'));
    this.mutation(SessionRpc.updateProject as never, 200, echo('proj_1'));
    this.mutation(SessionRpc.deleteProject as never, 204, echo(''));
    this.mutation(SessionRpc.createTask as never, 201, echo('task_1'));
    this.mutation(SessionRpc.updateTask as never, 200, echo('task_1'));
    this.mutation(SessionRpc.deleteTask as never, 204, echo(''));
    for (const rpc of [SessionRpc.updateTeamMember, SessionRpc.archiveTeamMember, SessionRpc.addMemory]) this.mutation(rpc as never, 200, echo('tm_1'));
    this.mutation(SessionRpc.drainRunner as never, 200, echo('slot-0'));
    this.mutation(SessionRpc.createTeamMember as never, 201, echo('tm_1'));
    this.mutation(SessionRpc.deleteTeamMember as never, 204, echo(''));
    for (const rpc of [SessionRpc.replaceOrdering, SessionRpc.moveInOrdering]) this.mutation(rpc as never, 200, echo('task_p1'));
    this.mutation(SessionRpc.sendMail as never, 201, echo('mail_1'));
    this.mutation(SessionRpc.readMail as never, 200, echo('mail_1'));
    this.mutation(SessionRpc.deleteMail as never, 204, echo(''));
    for (const rpc of [SessionRpc.spawn, SessionRpc.continueSession]) this.mutation(rpc as never, 201, echo('sess_1'));
    this.mutation(SessionRpc.updateSession as never, 200, echo('sess_1'));
    this.mutation(SessionRpc.deleteSession as never, 204, echo(''));
    this.mutation(SessionRpc.actOnSession as never, 202, echo('sess_1'));
    this.mutation(SessionRpc.inputToSession as never, 202, echo('sess_1'));
    this.mutation(SessionRpc.postTimeline as never, 201, echo('evt_1'));
    this.mutation(SessionRpc.answerApproval as never, 200, echo('appr_1'));
    this.mutation(NotifierRpc.markRead as never, 200, echo('ntf_1'));
    this.mutation(NotifierRpc.markUnread as never, 200, echo('ntf_1'));
    this.mutation(NotifierRpc.readMany as never, 200, () => ({ read: 2 }));
    this.mutation(NotifierRpc.createWebhook as never, 201, echo('whk_1'));
    this.mutation(NotifierRpc.updateWebhook as never, 200, echo('whk_1'));
    this.mutation(NotifierRpc.deleteWebhook as never, 204, echo(''));
    this.mutation(NotifierRpc.rotateWebhookSecret as never, 200, echo('whk_1'));
    this.mutation(NotifierRpc.testWebhook as never, 202, echo('dlv_1'));
    this.mutation(NotifierRpc.retryDelivery as never, 202, echo('dlv_1'));
    this.serve(NotifierRpc.webhookSecret, () => ({ secret: 'whsec_c2VjcmV0' }));
    for (const rpc of [
      SessionRpc.getProject, SessionRpc.getTask, SessionRpc.getTeamMember, SessionRpc.getOrdering, SessionRpc.getSession, SessionRpc.getManifest,
      SessionRpc.getManifestInput, SessionRpc.getMail, NotifierRpc.get, NotifierRpc.getWebhook, NotifierRpc.getDelivery,
    ]) this.serve(rpc as unknown as Rpc<{ id?: string }, unknown>, ({ id = 'none' }) => ({ id, revision: 7, memory: ['m'] }));
    for (const rpc of [
      SessionRpc.listProjects, SessionRpc.listTasks, SessionRpc.listTeamMembers, SessionRpc.listSessions, SessionRpc.listTransitions, SessionRpc.listTimeline,
      SessionRpc.listApprovals, SessionRpc.listMail, SessionRpc.listInbox, SessionRpc.waitForMail, SessionRpc.sessionEventPage, SessionRpc.listProviders,
      NotifierRpc.list, NotifierRpc.listWebhooks, NotifierRpc.listDeliveries,
    ]) this.serve(rpc as Rpc<unknown, unknown>, () => ({ items: [], nextCursor: null }));
    this.serve(SessionRpc.listRunners as Rpc<unknown, unknown>, () => ({ items: [{ id: 'slot-0', state: 'connected' }], nextCursor: null }));
    this.serve(SessionRpc.callOffWait, () => ({ waiting: true }));
    this.serve(SessionRpc.health, () => ({ ok: true, service: 'session-service', pid: 1, details: {} }));
    this.serve(SessionRpc.head, () => ({ logId: this.logId, cursor: this.head, seq: this.feed.length, oldest: `${this.logId}.${this.oldest}` }));
    this.serve(SessionRpc.eventPage, (req) => this.page(req));
    this.serve(SessionRpc.verifyAgentToken, ({ token }) => this.agent(token));
  }

  private page({ after, limit = 50 }: { after?: string; limit?: number }): { items: EventEnvelope[]; nextCursor: string } {
    this.pages += 1;
    const from = after === undefined ? this.oldest - 1 : this.seqOf(after);
    const items = this.feed.slice(from).filter(({ seq }) => !this.damaged.has(seq)).slice(0, limit);
    return { items, nextCursor: items.at(-1)?.cursor ?? after ?? this.head };
  }

  private seqOf(cursor: string): number {
    const [logId, text] = [cursor.slice(0, cursor.lastIndexOf('.')), cursor.slice(cursor.lastIndexOf('.') + 1)];
    const seq = Number(text);
    const last = logId === this.logId ? this.feed.length : this.formerly.get(logId) ?? -1;
    const known = Number.isInteger(seq) && seq >= this.oldest - 1 && seq <= last;
    if (!known) throw new AppError('CURSOR_GONE', undefined, { oldest: `${this.logId}.${this.oldest}`, newest: this.head });
    return seq;
  }

  private agent(token: string): { actor: { kind: 'agent'; sessionId: string }; projectId: string; taskIds: string[] } {
    const agent = this.agents.get(token);
    if (!agent) throw new AppError('UNAUTHENTICATED');
    return { actor: { kind: 'agent', sessionId: agent.sessionId }, projectId: agent.projectId, taskIds: agent.taskIds };
  }
}
