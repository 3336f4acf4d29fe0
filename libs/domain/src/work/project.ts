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
  createdAt: string;
  updatedAt: string;
  revision: number;
}
