import type { RunnerLabels } from '../provider/runner-labels.js';
import type { PermissionMode } from '../session/session.js';

export interface TeamMember {
  id: string;
  /** null: global. */
  projectId: string | null;
  name: string;
  role: string;
  identity: string;
  avatar: string;
  provider: string | null;
  model: string | null;
  permissionMode: PermissionMode | null;
  /** What the runners of its sessions must have been given, where a session does not say. Null or absent: as its project says. */
  runnerLabels?: RunnerLabels | null;
  capabilities: string[];
  skills: string[];
  memory: string[];
  status: 'active' | 'archived';
  createdAt: string;
  updatedAt: string;
  revision: number;
}
