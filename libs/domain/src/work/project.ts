export interface Project {
  id: string;
  name: string;
  workingDir: string;
  description: string;
  createdAt: string;
  updatedAt: string;
  revision: number;
}
