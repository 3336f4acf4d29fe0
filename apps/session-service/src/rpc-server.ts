import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { SessionRpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { HealthRegistry } from '@orbitmesh/service-kit';
import { FeedService } from './feed/feed.service.js';
import { MailService } from './mail/mail.service.js';
import { MailWaits } from './mail/mail-waits.js';
import { OrderingService } from './ordering/ordering.service.js';
import { ProjectService } from './project/project.service.js';
import { RunService } from './runner/run.service.js';
import { RunnerDrains } from './runner/runner-drains.js';
import { RunnerViews } from './runner/runner.views.js';
import { ApprovalService } from './session/approval.service.js';
import { ContinueService } from './session/continue.service.js';
import { SessionService } from './session/session.service.js';
import { SpawnService } from './session/spawn.service.js';
import { TimelineService } from './session/timeline.service.js';
import { TaskService } from './task/task.service.js';
import { TeamMemberService } from './team-member/team-member.service.js';

/** Which request is whose. Handlers are called in the order of arrival and decide before they wait. */
@Injectable()
export class RpcServer implements OnApplicationBootstrap {
  constructor(
    @Inject(Bus) private readonly bus: Pick<Bus, 'serve'>,
    @Inject(ProjectService) private readonly projects: ProjectService,
    @Inject(TaskService) private readonly tasks: TaskService,
    @Inject(TeamMemberService) private readonly members: TeamMemberService,
    @Inject(OrderingService) private readonly orderings: OrderingService,
    @Inject(MailService) private readonly mail: MailService,
    @Inject(MailWaits) private readonly waits: MailWaits,
    @Inject(SpawnService) private readonly spawns: SpawnService,
    @Inject(ContinueService) private readonly continuations: ContinueService,
    @Inject(SessionService) private readonly sessions: SessionService,
    @Inject(TimelineService) private readonly timeline: TimelineService,
    @Inject(ApprovalService) private readonly approvals: ApprovalService,
    @Inject(FeedService) private readonly feed: FeedService,
    @Inject(RunService) private readonly runs: RunService,
    @Inject(RunnerViews) private readonly views: RunnerViews,
    @Inject(RunnerDrains) private readonly drains: RunnerDrains,
    @Inject(HealthRegistry) private readonly health: HealthRegistry,
  ) {}

  onApplicationBootstrap(): void {
    this.serveWork();
    this.serveTeam();
    this.serveSessions();
    this.serveMail();
    this.serveFeed();
    this.serveRunners();
  }

  private serveWork(): void {
    const { bus, projects, tasks } = this;
    bus.serve(SessionRpc.createProject, (req) => projects.create(req));
    bus.serve(SessionRpc.getProject, (req) => projects.get(req));
    bus.serve(SessionRpc.listProjects, (req) => projects.list(req));
    bus.serve(SessionRpc.updateProject, (req) => projects.update(req));
    bus.serve(SessionRpc.deleteProject, (req) => projects.remove(req));
    bus.serve(SessionRpc.createTask, (req) => tasks.create(req));
    bus.serve(SessionRpc.getTask, (req) => tasks.get(req));
    bus.serve(SessionRpc.listTasks, (req) => tasks.list(req));
    bus.serve(SessionRpc.updateTask, (req) => tasks.update(req));
    bus.serve(SessionRpc.deleteTask, (req) => tasks.remove(req));
  }

  private serveTeam(): void {
    const { bus, members, orderings } = this;
    bus.serve(SessionRpc.createTeamMember, (req) => members.create(req));
    bus.serve(SessionRpc.getTeamMember, (req) => members.get(req));
    bus.serve(SessionRpc.listTeamMembers, (req) => members.list(req));
    bus.serve(SessionRpc.updateTeamMember, (req) => members.update(req));
    bus.serve(SessionRpc.deleteTeamMember, (req) => members.remove(req));
    bus.serve(SessionRpc.archiveTeamMember, (req) => members.archive(req));
    bus.serve(SessionRpc.addMemory, (req) => members.addMemory(req));
    bus.serve(SessionRpc.getOrdering, (req) => orderings.get(req));
    bus.serve(SessionRpc.replaceOrdering, (req) => orderings.replace(req));
    bus.serve(SessionRpc.moveInOrdering, (req) => orderings.move(req));
  }

  private serveMail(): void {
    const { bus, mail } = this;
    bus.serve(SessionRpc.sendMail, (req) => mail.send(req));
    bus.serve(SessionRpc.getMail, (req) => mail.get(req));
    bus.serve(SessionRpc.listMail, (req) => mail.list(req));
    bus.serve(SessionRpc.listInbox, (req) => mail.inbox(req));
    bus.serve(SessionRpc.waitForMail, (req) => this.waits.wait(req));
    bus.serve(SessionRpc.callOffWait, (req) => this.waits.callOff(req));
    bus.serve(SessionRpc.readMail, (req) => mail.read(req));
    bus.serve(SessionRpc.deleteMail, (req) => mail.remove(req));
  }

  private serveSessions(): void {
    const { bus, sessions, timeline, approvals } = this;
    bus.serve(SessionRpc.spawn, (req) => this.spawns.spawn(req));
    bus.serve(SessionRpc.continueSession, (req) => this.continuations.continue(req));
    bus.serve(SessionRpc.getSession, (req) => sessions.get(req));
    bus.serve(SessionRpc.listSessions, (req) => sessions.list(req));
    bus.serve(SessionRpc.updateSession, (req) => sessions.rename(req));
    bus.serve(SessionRpc.deleteSession, (req) => sessions.remove(req));
    bus.serve(SessionRpc.actOnSession, (req) => sessions.act(req));
    bus.serve(SessionRpc.inputToSession, (req) => sessions.input(req));
    bus.serve(SessionRpc.getManifest, (req) => sessions.manifest(req));
    bus.serve(SessionRpc.getManifestInput, (req) => sessions.manifestInput(req));
    bus.serve(SessionRpc.listTransitions, (req) => sessions.transitions(req));
    bus.serve(SessionRpc.postTimeline, (req) => timeline.post(req));
    bus.serve(SessionRpc.listTimeline, (req) => timeline.list(req));
    bus.serve(SessionRpc.listApprovals, (req) => approvals.list(req));
    bus.serve(SessionRpc.answerApproval, (req) => approvals.answer(req));
  }

  private serveFeed(): void {
    const { bus, feed } = this;
    bus.serve(SessionRpc.eventPage, (req) => feed.page(req));
    bus.serve(SessionRpc.sessionEventPage, (req) => feed.sessionPage(req));
    bus.serve(SessionRpc.head, () => feed.head());
    bus.serve(SessionRpc.health, () => this.health.report());
  }

  private serveRunners(): void {
    const { bus, runs, views } = this;
    bus.serve(SessionRpc.claimRun, (req) => runs.claim(req));
    bus.serve(SessionRpc.heartbeat, (req) => runs.heartbeat(req));
    bus.serve(SessionRpc.facts, (req) => runs.facts(req));
    bus.serve(SessionRpc.verifyAgentToken, (req) => runs.verifyToken(req));
    bus.serve(SessionRpc.listRunners, () => views.runners());
    bus.serve(SessionRpc.drainRunner, (req) => this.drains.set(req));
    bus.serve(SessionRpc.listProviders, () => views.providers());
  }
}
