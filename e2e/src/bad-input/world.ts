import { readdir, readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join, relative } from 'node:path';
import type { Mail, Project, SessionView, Task, TeamMember } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { Scenario } from '../support/scenario.js';

/** What is kept as documents: all but the log, which is told by the feed's head, and what a service keeps of itself. */
const DOCUMENTS = [
  'session-service/projects', 'session-service/tasks', 'session-service/team-members', 'session-service/ordering', 'session-service/mail', 'session-service/sessions',
  'notifier/inbox', 'notifier/webhooks', 'notifier/deliveries', 'provider-runner/slot-0/runs',
];

/** A stack with one of everything, in which nothing goes on any more. */
export class World {
  private constructor(
    readonly scenario: Scenario, readonly project: Project, readonly task: Task, readonly chain: readonly Task[], readonly member: TeamMember,
    readonly session: SessionView, readonly mail: Mail, readonly other: { project: Project; task: Task; member: TeamMember },
  ) {}

  static async start(): Promise<World> {
    // As many refused requests as a test likes.
    const scenario = await Scenario.start({ env: { ORBITMESH_REFUSED_RATE: '0' } });
    const { api } = scenario;
    const project = await scenario.project();
    const task = await scenario.task(project.id);
    const first = await scenario.task(project.id, { title: 'First' });
    const second = await scenario.task(project.id, { title: 'Second', dependencies: [first.id], parentId: first.id });
    const third = await scenario.task(project.id, { title: 'Third', dependencies: [second.id], parentId: second.id });
    const member = await api.post<TeamMember>('/api/team-members', { name: 'Ann', projectId: project.id });
    const elsewhere = await scenario.project({ name: 'Other', workingDir: await scenario.anotherRepository() });
    const other = { project: elsewhere, task: await scenario.task(elsewhere.id), member: await api.post<TeamMember>('/api/team-members', { name: 'Bob', projectId: elsewhere.id }) };
    const spawned = await scenario.spawn(project.id, { taskIds: [task.id] });
    const mail = await api.post<Mail>('/api/mail', { toSessionId: spawned.id, body: 'Good luck' });
    const session = await scenario.ended(spawned.id);
    await api.ok('PUT', `/api/ordering/task/${project.id}`, { ids: [task.id, first.id] });
    const world = new World(scenario, project, task, [first, second, third], member, session, mail, other);
    await world.quiet();
    return world;
  }

  stop(): Promise<void> {
    return this.scenario.stop();
  }

  /** Everything a request could have changed: where the feed stands, and every document by its bytes. */
  async state(): Promise<Record<string, string>> {
    const { stack, api } = this.scenario;
    const files = (await Promise.all(DOCUMENTS.map((path) => filesUnder(join(stack.home, path))))).flat();
    const hashes = await Promise.all(files.map(async (file) => [relative(stack.home, file), createHash('sha256').update(await readFile(file)).digest('hex')] as const));
    return { head: await this.head(), revisions: JSON.stringify([await api.get(`/api/tasks/${this.task.id}`), await api.get(`/api/sessions/${this.session.id}`)]), ...Object.fromEntries(hashes.sort()) };
  }

  /** The end of the feed. */
  async head(): Promise<string> {
    let cursor = '';
    for (;;) {
      const { items, nextCursor } = await this.scenario.api.get<{ items: unknown[]; nextCursor: string }>(`/api/events?limit=200${cursor && `&after=${cursor}`}`);
      cursor = nextCursor;
      if (items.length === 0) return cursor;
    }
  }

  /** What every service has logged so far. */
  async logs(): Promise<string> {
    const dir = join(this.scenario.stack.home, 'run', 'logs');
    return (await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name), 'utf8')))).join('\n');
  }

  /** Metrics and notifications come last: waits until two looks are the same, and no document is still to be written behind the log. */
  private async quiet(): Promise<void> {
    let before = '';
    await eventually(async () => {
      const lags = [...(await this.scenario.api.get<string>('/metrics')).matchAll(/^orbitmesh_store_files_waiting\{.*\} (\d+)$/gm)].map(([, files]) => files);
      if (lags.length === 0 || lags.some((files) => files !== '0')) return false;
      const now = JSON.stringify(await this.state());
      const same = now === before;
      before = now;
      return same;
    }, { what: 'a world at rest', timeoutMs: 60_000 });
  }
}

async function filesUnder(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries.filter((entry) => entry.isFile() && /\.(json|ndjson)$/.test(entry.name)).map((entry) => join(entry.parentPath, entry.name));
}
