import type { McpServerConfig } from '../provider/provider.js';
import type { PermissionMode, SessionMode } from './session.js';
import type { TeamMember } from '../work/team-member.js';
import type { Task } from '../work/task.js';
import type { Project } from '../work/project.js';

/** Everything that starts an agent, reproducibly; holds references to secrets, never their values (design §8). */
export interface Manifest {
  manifestVersion: '1.0';
  sessionId: string;
  projectId: string;
  mode: SessionMode;
  systemPrompt: string;
  /** The first prompt the agent gets. */
  prompt: string;
  tasks: { id: string; title: string; description: string; acceptanceCriteria: string[]; priority: string; dependencies: string[] }[];
  teamMember: { id: string; name: string; role: string; identity: string; skills: string[]; memory: string[] } | null;
  provider: {
    type: string;
    model: string | null;
    permissionMode: PermissionMode;
    mcpServers: McpServerConfig[];
    custom: Record<string, unknown>;
  };
  workingDir: string;
  /** What the repository there brings for git and agents is in force; absent: it is not. */
  trustRepository?: boolean;
  environment: Record<string, string>;
  /** NAME → `env:X` | `file:/p`, resolved by the runner alone. */
  secrets: Record<string, string>;
  parent: { sessionId: string; name: string } | null;
  initialDirective: string | null;
}

/** All that the builder reads; kept with the manifest, so that the same bytes can be built again. */
export interface ManifestInput {
  sessionId: string;
  project: Pick<Project, 'id' | 'name' | 'workingDir' | 'description'>;
  tasks: Task[];
  teamMember: TeamMember | null;
  parent: { sessionId: string; name: string } | null;
  /** The session whose conversation it goes on with; absent: it begins one. */
  continues?: { sessionId: string; name: string };
  mode: SessionMode;
  providerType: string;
  model: string | null;
  permissionMode: PermissionMode;
  workingDir: string;
  /** Of the project, where the session works inside its directory. */
  trustRepository?: boolean;
  systemPrompt: string | null;
  initialDirective: string | null;
  environment: Record<string, string>;
  secrets: Record<string, string>;
  mcpServers: McpServerConfig[];
  custom: Record<string, unknown>;
}
