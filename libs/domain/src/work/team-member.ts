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
  capabilities: string[];
  skills: string[];
  memory: string[];
  status: 'active' | 'archived';
  createdAt: string;
  updatedAt: string;
  revision: number;
}
