import type { McpServerConfig, PermissionMode, SessionMode, TaskPriority, TaskStatus } from '@orbitmesh/domain';

/** Bodies as they cross NATS after the gateway validated them; the classes in `*.dto.ts` implement these. */
export interface CreateProjectBody { name: string; workingDir: string; description?: string }
export interface UpdateProjectBody { name?: string; workingDir?: string; description?: string }

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
}
