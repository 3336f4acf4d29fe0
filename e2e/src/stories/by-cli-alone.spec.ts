import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect } from '@jest/globals';
import type { EventEnvelope, Mail, SessionView, Task, TeamMember, TimelineEntry } from '@orbitmesh/domain';
import { inFull, processesNaming } from '@orbitmesh/testing';

const CLI = fileURLToPath(new URL('../../../apps/cli/dist/main.js', import.meta.url));
const AGENTS = fileURLToPath(new URL('./agents/', import.meta.url));
/** Some hundred starts of the CLI: half a minute on a quiet machine. */
const STORY_MS = 300_000;

describe('from an empty home, by the CLI alone', () => {
  let home: string;
  let work: string;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), 'om-home-'));
    work = await mkdtemp(join(tmpdir(), 'om-work-'));
    await writeFile(join(home, 'providers.json'), JSON.stringify(Object.fromEntries(
      ['coordinator', 'worker'].map((name) => [name, { driver: 'process', command: [process.execPath, join(AGENTS, `${name}.mjs`)] }]),
    )), { mode: 0o600 });
    await text('up');
  }, STORY_MS);
  afterAll(async () => {
    await text('down');
    const left = await processesNaming(home);
    for (const path of [home, work]) await rm(path, { recursive: true, force: true });
    expect(left).toEqual([]);
  }, 60_000);

  async function text(...args: string[]): Promise<string> {
    const env = { PATH: process.env.PATH, HOME: home, ORBITMESH_HOME: home, ORBITMESH_PORT: '0', NO_COLOR: '1' };
    return (await promisify(execFile)(process.execPath, [CLI, ...args], { env, maxBuffer: 16 * 1024 * 1024 })).stdout;
  }
  const lines = async <T>(...args: string[]): Promise<T[]> => (await text(...args, '--json')).split('\n').filter(Boolean).map((line) => JSON.parse(line) as T);
  const one = async <T>(...args: string[]): Promise<T> => (await lines<T>(...args))[0];
  const stored = async <T>(...path: string[]): Promise<T> => JSON.parse(await readFile(join(home, 'session-service', ...path), 'utf8')) as T;

  inFull('a coordinator and two workers do their work, and their story can be read afterwards, from the CLI as from the files', async () => {
    const project = await one<{ id: string }>('project', 'create', 'Lighthouse', '--dir', work);
    const task = async (title: string, ...more: string[]): Promise<Task> => one<Task>('task', 'create', title, '-p', project.id, ...more);
    const whole = await task('Renew the lighthouse');
    const clean = await task('Clean up', '--parent', whole.id);
    const build = await task('Build the lamp', '--parent', whole.id, '--priority', 'high');
    const light = await task('Light it', '--parent', whole.id, '--depends-on', build.id, '--depends-on', clean.id);
    const party = await task('Celebrate', '--depends-on', light.id);
    const lead = await one<TeamMember>('team-member', 'create', 'Lena', '--role', 'coordinator', '--capability', 'spawn', '-p', project.id);
    const hand = await one<TeamMember>('team-member', 'create', 'Wim', '--role', 'worker');
    await text('ordering', 'set', 'task', build.id, clean.id, '-p', project.id);
    expect((await lines<Task>('task', 'ready', '-p', project.id)).map(({ title }) => title)).toEqual(['Renew the lighthouse', 'Clean up', 'Build the lamp']);

    const coordinator = await one<SessionView>(
      'session', 'spawn', 'Get it done', '-p', project.id, '--provider', 'coordinator', '--member', lead.id, '--task', whole.id, '--name', 'Lead',
      '-e', `WORKER_MEMBER=${hand.id}`, '-e', `BUILD_TASK=${build.id}`, '-e', `CLEAN_TASK=${clean.id}`,
    );
    const cleaner = await child(coordinator.id, 'Cleaner');
    await text('wait', cleaner, '--for', 'needs-input', '--timeout', '60');
    expect(await one<SessionView>('session', 'show', cleaner)).toMatchObject({ needsInput: { message: 'May I delete old.txt?', source: 'timeline' } });
    await text('session', 'input', cleaner, 'yes, do');
    await text('wait', coordinator.id, '--timeout', '90');
    const builder = await child(coordinator.id, 'Builder');

    expect(await one<SessionView>('session', 'show', coordinator.id)).toMatchObject({
      state: 'stopped', status: 'completed', outcome: { code: 'completed', reported: true, message: 'Done: Builder is done; Cleaner is done' },
    });
    await tellsItsStory({ coordinator: coordinator.id, builder, cleaner, tasks: { whole, build, clean, light, party }, projectId: project.id });
  }, STORY_MS);

  /** Waits until the coordinator has started it. */
  async function child(coordinator: string, name: string): Promise<string> {
    for (const until = performance.now() + 60_000; performance.now() < until;) {
      const found = (await lines<SessionView>('session', 'list', '--all')).find((session) => session.name === name && session.parentSessionId === coordinator);
      if (found) return found.id;
    }
    throw new Error(`the coordinator started no ${name}: ${await text('session', 'logs', coordinator)}`);
  }

  interface Story { coordinator: string; builder: string; cleaner: string; projectId: string; tasks: Record<'whole' | 'build' | 'clean' | 'light' | 'party', Task> }

  async function tellsItsStory({ coordinator, builder, cleaner, projectId, tasks }: Story): Promise<void> {
    const tree = await text('task', 'tree', '-p', projectId);
    const order = ['Renew the lighthouse', 'Build the lamp', 'Clean up', 'Light it', 'Celebrate'].map((title) => tree.indexOf(title));
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order.every((at) => at >= 0)).toBe(true);
    const seen = await Promise.all(Object.entries(tasks).map(async ([name, { id }]) => [name, (await one<Task>('task', 'show', id)).status]));
    expect(Object.fromEntries(seen)).toEqual({ whole: 'completed', build: 'in_review', clean: 'in_review', light: 'todo', party: 'todo' });
    expect((await one<Task>('task', 'show', tasks.build.id)).taskSessionStatuses).toEqual({ [builder]: 'completed' });

    const inbox = await lines<Mail>('mail', 'inbox', coordinator);
    const query = inbox.find(({ type }) => type === 'query')!;
    const thread = await text('mail', 'thread', query.threadId);
    for (const words of ['Which lamp?', 'The red one or the green one?', 'The red one.', 'Wim', 'Lena']) expect(thread).toContain(words);
    const notices = inbox.filter(({ type }) => type === 'notification').map(({ subject }) => subject).sort();
    expect(notices).toEqual(['Finished: Builder', 'Finished: Cleaner', 'Needs input: Cleaner']);
    for (const worker of [builder, cleaner]) {
      const mails = await lines<Mail>('mail', 'inbox', worker);
      expect(mails.filter(({ subject }) => subject === 'To all')).toHaveLength(1);
      expect(mails.filter(({ type }) => type === 'assignment').map(({ state }) => state)).toEqual(['read']);
    }

    const timeline = await lines<EventEnvelope<'timeline', TimelineEntry>>('session', 'timeline', cleaner);
    expect(timeline.map(({ data: { by, kind, message } }) => [by, kind, message])).toEqual([
      ['system', 'started', expect.any(String)],
      ['agent', 'task_started', 'Clean up'],
      ['agent', 'needs_input', 'May I delete old.txt?'],
      ['agent', 'progress', 'A person said: yes, do'],
      ['agent', 'task_completed', 'Cleaner did it'],
      ['agent', 'completed', 'Cleaner is done'],
      ['system', 'stopped', 'completed: Cleaner is done'],
    ]);
    const told = await text('session', 'timeline', cleaner);
    for (const { data } of timeline) expect(told).toContain(data.message);
    await readsTheSameOnDisk(coordinator, query, tasks.build.id, projectId);
  }

  /** The files are written behind the log; at the latest when the services have stopped they are up to date. */
  async function readsTheSameOnDisk(coordinator: string, query: Mail, taskId: string, projectId: string): Promise<void> {
    const [session, task, mail] = await Promise.all([one<SessionView>('session', 'show', coordinator), one<Task>('task', 'show', taskId), one<Mail>('mail', 'show', query.id)]);
    await text('down');
    expect(await stored<SessionView>('sessions', coordinator, 'session.json')).toMatchObject({ id: session.id, state: session.state, outcome: session.outcome, revision: session.revision });
    expect(await stored<Task>('tasks', projectId, `${taskId}.json`)).toMatchObject(task);
    expect(await stored<Mail>('mail', projectId, `${query.id}.json`)).toMatchObject(mail);
    expect(await readdir(join(home, 'session-service', 'ordering'))).toEqual([`task_${projectId}.json`]);
    expect(await readFile(join(home, 'session-service', 'sessions', coordinator, 'events.ndjson'), 'utf8')).toContain('Both workers are at work');
    await text('up');
  }
});
