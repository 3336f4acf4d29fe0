import type {
  MailAudience, MailPriority, MailType, McpServerConfig, PermissionMode, ReportKind, RunnerLabels, SessionMode, TaskPriority, TaskStatus,
} from '@orbitmesh/domain';

/** Bodies as they cross NATS after the gateway validated them; the classes in `*.dto.ts` implement these. */
export interface CreateProjectBody {
  name: string; workingDir: string; description?: string; trustRepository?: boolean; runnerLabels?: RunnerLabels; maxSessions?: number | null;
}
export type UpdateProjectBody = Partial<CreateProjectBody>;

export interface CreateTaskBody {
  projectId: string; title: string; parentId?: string | null; description?: string; acceptanceCriteria?: string[];
  status?: TaskStatus; priority?: TaskPriority; dependencies?: string[]; teamMemberId?: string | null; dueDate?: string | null;
}
export type UpdateTaskBody = Partial<Omit<CreateTaskBody, 'projectId'>>;

/** design §4.3. */
export interface SpawnSessionBody {
  projectId: string;
  taskIds?: string[];
  providerType?: string;
  workingDir?: string;
  name?: string;
  mode?: SessionMode;
  model?: string;
  permissionMode?: PermissionMode;
  teamMemberId?: string;
  parentSessionId?: string;
  initialDirective?: string;
  systemPrompt?: string;
  environment?: Record<string, string>;
  secrets?: Record<string, string>;
  mcpServers?: McpServerConfig[];
  custom?: Record<string, unknown>;
  runnerLabels?: RunnerLabels;
  priority?: number;
}

/** What a continuation may say anew; everything else is as in the session it continues. */
export interface ContinueSessionBody {
  initialDirective: string;
  name?: string;
  mode?: SessionMode;
  model?: string;
  permissionMode?: PermissionMode;
  systemPrompt?: string;
  environment?: Record<string, string>;
  secrets?: Record<string, string>;
  custom?: Record<string, unknown>;
}

/** `taskStatus` is the explicit report that changes the task's own status (design §4.4). */
export interface PostTimelineBody { kind: ReportKind; message: string; taskId?: string; taskStatus?: TaskStatus }

export interface CreateTeamMemberBody {
  /** null or absent: global. */
  projectId?: string | null;
  name: string;
  role?: string;
  identity?: string;
  avatar?: string;
  provider?: string | null;
  model?: string | null;
  permissionMode?: PermissionMode | null;
  runnerLabels?: RunnerLabels | null;
  capabilities?: string[];
  skills?: string[];
  memory?: string[];
}
export type UpdateTeamMemberBody = Partial<Omit<CreateTeamMemberBody, 'projectId'>>;

/** Exactly one of `before` and `after`. */
export interface MoveInOrderingBody { id: string; before?: string; after?: string }

/** Exactly one of `toSessionId`, `to` and `replyToMailId` says whom it is for. */
export interface SendMailBody {
  toSessionId?: string;
  to?: { kind: MailAudience; id?: string };
  replyToMailId?: string;
  /** An agent's own session, always; a person may send in a session's name. */
  fromSessionId?: string;
  type?: MailType;
  subject?: string;
  body: string;
  priority?: MailPriority;
  /** Where the recipient has ended: kept for the session that continues it, instead of SESSION_ENDED. */
  keepForContinuation?: boolean;
}
