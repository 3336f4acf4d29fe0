import type { McpServerConfig } from '../provider/provider.js';
import type { Project } from '../work/project.js';
import type { Task } from '../work/task.js';
import type { TeamMember } from '../work/team-member.js';
import type { ManifestInput } from './manifest.js';
import type { PermissionMode, SessionMode } from './session.js';

/** What whoever starts an agent says of it. */
export interface ManifestRequest {
  mode?: SessionMode;
  providerType?: string;
  model?: string;
  permissionMode?: PermissionMode;
  workingDir?: string;
  systemPrompt?: string;
  initialDirective?: string;
  environment?: Record<string, string>;
  secrets?: Record<string, string>;
  mcpServers?: (Pick<McpServerConfig, 'name' | 'command'> & Partial<McpServerConfig>)[];
  custom?: Record<string, unknown>;
}

export interface ManifestSources {
  sessionId: string;
  request: ManifestRequest;
  project: Project;
  tasks: readonly Task[];
  member: TeamMember | null;
  parent: { id: string; name: string } | null;
  /** The session whose conversation it goes on with. */
  continued?: { id: string; name: string } | null;
}

/** What the builder reads: the request over its team member over its project (design §4.3). */
export function manifestInputFrom({ sessionId, request, project, tasks, member, parent, continued }: ManifestSources): ManifestInput {
  const { id, name, workingDir, description } = project;
  const directory = request.workingDir ?? workingDir;
  return {
    sessionId,
    project: { id, name, workingDir, description },
    // What sessions did with a task is not read by the builder, and may grow large.
    tasks: tasks.map((task) => ({ ...task, sessionIds: [], taskSessionStatuses: {} })),
    teamMember: member,
    parent: parent && { sessionId: parent.id, name: parent.name },
    ...(continued && { continues: { sessionId: continued.id, name: continued.name } }),
    mode: request.mode ?? 'task',
    providerType: providerTypeFor(request, member),
    model: request.model ?? member?.model ?? null,
    permissionMode: permissionModeFor(request, member),
    workingDir: directory,
    ...(project.trustRepository && isInside(directory, workingDir) && { trustRepository: true }),
    systemPrompt: request.systemPrompt ?? null,
    initialDirective: request.initialDirective ?? null,
    environment: request.environment ?? {},
    secrets: request.secrets ?? {},
    mcpServers: (request.mcpServers ?? []).map(({ name: server, command, args = [], env = {} }) => ({ name: server, command, args, env })),
    custom: request.custom ?? {},
  };
}

/** Both absolute and normal. What a project says of its repository is not said of what else its sessions may work in. */
function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith('/') ? root : `${root}/`);
}

export function providerTypeFor({ providerType }: ManifestRequest, member: TeamMember | null): string {
  return providerType ?? member?.provider ?? 'demo';
}

export function permissionModeFor({ permissionMode }: ManifestRequest, member: TeamMember | null): PermissionMode {
  return permissionMode ?? member?.permissionMode ?? 'ask';
}
