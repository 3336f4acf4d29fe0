import type { RunnerLabels } from '../provider/runner-labels.js';

export interface Project {
  id: string;
  name: string;
  workingDir: string;
  description: string;
  /**
   * What its repository brings for git and for agents (hooks, settings, MCP servers) may be in force while they work in it: such things
   * run commands without anybody being asked. Set by people alone. Absent in a project made by an earlier version: false.
   */
  trustRepository?: boolean;
  /** What the runners of its sessions must have been given, where neither the session nor its member says. Absent: any runner will do. */
  runnerLabels?: RunnerLabels;
  /** How many of its sessions may have a runner at once; the others wait. Null or absent: as many as come. */
  maxSessions?: number | null;
  createdAt: string;
  updatedAt: string;
  revision: number;
}
