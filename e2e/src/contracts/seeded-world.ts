import type { Approval, Mail, Project, SessionView, Task, TeamMember } from '@orbitmesh/domain';
import type { Delivery, MadeToken, Notification, Page, Webhook } from '@orbitmesh/contracts';
import { eventually } from '@orbitmesh/testing';
import { Scenario } from '../support/scenario.js';

/** No such host is ever there (RFC 6761): what is sent to it waits to be sent again. */
export const NOWHERE = 'https://hooks.example.invalid/orbitmesh';
/** At work until it is told otherwise, and quietly: a dozen of them are at once. */
const BUSY = { custom: { demo: { steps: 600, delayMs: 1_000 } } };

/** A stack with something of everything, and the means to make more of it. */
export class SeededWorld {
  private constructor(
    readonly scenario: Scenario, readonly project: Project, readonly tasks: readonly Task[], readonly member: TeamMember,
    readonly ended: SessionView, readonly busy: SessionView,
  ) {}

  static async start(): Promise<SeededWorld> {
    const scenario = await Scenario.start();
    const project = await scenario.project();
    const tasks = [await scenario.task(project.id), await scenario.task(project.id)];
    const member = await scenario.api.post<TeamMember>('/api/team-members', { name: 'Ada', projectId: project.id, role: 'worker' });
    const { id } = await scenario.spawn(project.id, { taskIds: [tasks[0].id] });
    const busy = await scenario.spawn(project.id, BUSY);
    await scenario.running(busy.id);
    return new SeededWorld(scenario, project, tasks, member, await scenario.ended(id), busy);
  }

  stop(): Promise<void> {
    return this.scenario.stop();
  }

  async newBusy(): Promise<SessionView> {
    const { id } = await this.scenario.spawn(this.project.id, BUSY);
    return this.scenario.running(id);
  }

  async newPaused(): Promise<SessionView> {
    const { id } = await this.newBusy();
    await this.scenario.api.post(`/api/sessions/${id}/pause`);
    return this.scenario.until(id, ({ state }) => state === 'paused', 'paused');
  }

  async newEnded(): Promise<SessionView> {
    const { id } = await this.newBusy();
    await this.scenario.api.post(`/api/sessions/${id}/kill`);
    return this.scenario.ended(id);
  }

  async newApproval(): Promise<Approval> {
    const { id } = await this.scenario.spawn(this.project.id, { permissionMode: 'ask' });
    return eventually(async () => {
      const { items } = await this.scenario.api.get<Page<Approval>>(`/api/sessions/${id}/approvals`);
      return items.find(({ state }) => state === 'open');
    }, { what: 'a question of the agent', timeoutMs: 60_000 });
  }

  newProject(): Promise<Project> {
    return this.scenario.project();
  }

  newTask(): Promise<Task> {
    return this.scenario.task(this.project.id);
  }

  newMember(): Promise<TeamMember> {
    return this.scenario.api.post<TeamMember>('/api/team-members', { name: 'Bob' });
  }

  newMail(): Promise<Mail> {
    return this.scenario.api.post<Mail>('/api/mail', { toSessionId: this.busy.id, body: 'How is it going?' });
  }

  newWebhook(): Promise<Webhook> {
    return this.scenario.api.post<Webhook>('/api/webhooks', { url: NOWHERE });
  }

  newToken(): Promise<MadeToken> {
    return this.scenario.api.post<MadeToken>('/api/tokens', { name: 'Ann' });
  }

  async newDelivery(): Promise<Delivery> {
    const { id } = await this.newWebhook();
    return this.scenario.api.post<Delivery>(`/api/webhooks/${id}/test`);
  }

  notification(): Promise<Notification> {
    return eventually(async () => (await this.scenario.api.get<Page<Notification>>(`/api/notifications?sessionId=${this.ended.id}`)).items[0], { what: 'a notification' });
  }
}
