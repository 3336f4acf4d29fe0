import { execFileSync } from 'node:child_process';
import { mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Project, SessionView, Task } from '@orbitmesh/domain';
import { eventually, startStack, type StackOptions, type TestStack } from '@orbitmesh/testing';
import { Api } from './api.js';

/** A stack, a git repository to work in, and a client. */
export class Scenario {
  private readonly made: string[] = [];

  private constructor(public stack: TestStack, readonly repository: string) {
    this.made.push(repository);
  }

  static async start(options: StackOptions = {}): Promise<Scenario> {
    const repository = await makeRepository();
    return new Scenario(await startStack(options), repository);
  }

  get api(): Api {
    return new Api(this.stack.url, this.stack.token);
  }

  async stop(): Promise<void> {
    await this.stack.stop();
    for (const path of this.made) await rm(path, { recursive: true, force: true });
  }

  /** Another stack, after the one before was ended: in the same home, unless the options say another. */
  async restart(options: StackOptions = {}): Promise<void> {
    this.stack = await startStack({ home: this.stack.home, ...options });
  }

  /** One more, removed with the rest. */
  async anotherRepository(): Promise<string> {
    const path = await makeRepository();
    this.made.push(path);
    return path;
  }

  /** An empty one, removed with the rest. @returns its real path */
  async directory(): Promise<string> {
    const path = await realpath(await mkdtemp(join(tmpdir(), 'om-dir-')));
    this.made.push(path);
    return path;
  }

  project(more: object = {}): Promise<Project> {
    return this.api.post<Project>('/api/projects', { name: 'Test', workingDir: this.repository, ...more });
  }

  task(projectId: string, more: object = {}): Promise<Task> {
    return this.api.post<Task>('/api/tasks', { projectId, title: 'Survey the repository', ...more });
  }

  /** With permission for everything, unless the test says otherwise. */
  spawn(projectId: string, more: object = {}): Promise<SessionView> {
    return this.api.post<SessionView>('/api/sessions/spawn', { projectId, initialDirective: 'Survey the repository', permissionMode: 'allow', ...more });
  }

  session(id: string): Promise<SessionView> {
    return this.api.get<SessionView>(`/api/sessions/${id}`);
  }

  /** Waits for a state of the session; a request that fails because a service is down is asked again. */
  until(id: string, matches: (session: SessionView) => boolean, what: string, timeoutMs = 60_000): Promise<SessionView> {
    return eventually(async () => {
      const session = await this.session(id);
      if (matches(session)) return session;
      throw new Error(`it is ${JSON.stringify({ ...session, teamMember: undefined })}`);
    }, { what: `${id}: ${what}`, timeoutMs });
  }

  ended(id: string, timeoutMs?: number): Promise<SessionView> {
    return this.until(id, (session) => session.outcome !== null && ['stopped', 'error'].includes(session.state), 'its end', timeoutMs);
  }

  running(id: string): Promise<SessionView> {
    return this.until(id, (session) => session.state === 'running', 'running');
  }
}

/** A small git repository under the system's temporary directory. @returns its real path */
async function makeRepository(): Promise<string> {
  const path = await realpath(await mkdtemp(join(tmpdir(), 'om-repo-')));
  await writeFile(join(path, 'README.md'), '# A test repository\n\nNothing to see.\n');
  await writeFile(join(path, 'index.js'), 'export const answer = 42;\n');
  const git = (...args: string[]): void => {
    execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.invalid', ...args], { cwd: path, stdio: 'ignore' });
  };
  git('init', '-q');
  git('add', '.');
  git('commit', '-qm', 'first');
  return path;
}
