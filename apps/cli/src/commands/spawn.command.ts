import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { InvalidArgumentError } from 'commander';
import type { ApiClient } from '@orbitmesh/api-client';
import type { SpawnSessionBody } from '@orbitmesh/contracts';
import type { PermissionMode, SessionMode } from '@orbitmesh/domain';
import { attachTo } from './attach.command.js';
import type { Context, Register } from '../context.js';
import { CliError, EXIT } from '../exit-code.js';
import { PROJECT_PAGES_MAX } from '../limits.js';

interface SpawnOptions {
  project?: string; task?: string[]; dir?: string; provider?: string; name?: string; mode?: SessionMode; model?: string; permissionMode?: PermissionMode;
  member?: string; parent?: string; systemPrompt?: string; env?: Record<string, string>; secret?: Record<string, string>; custom?: Record<string, unknown>;
  idempotencyKey?: string; attach?: boolean;
}

export const registerSpawn: Register = (program, run) => {
  program.command('spawn').description('start an agent; prints the id of its session').argument('[directive]', 'what it is to do')
    .option('-p, --project <id>', "its project (default: the task's, else the one of --dir or of this directory, made if there is none)")
    .option('-t, --task <id>', 'a task to work on; may be repeated', append)
    .option('-d, --dir <path>', "where it works (default: the project's directory)")
    .option('--provider <name>', 'a configured provider (default: demo)')
    .option('--name <name>', 'what to call the session')
    .option('--mode <mode>', 'task: ends when its work is done (default); interactive: waits for more input')
    .option('--model <model>', 'the model, where the provider lets one choose')
    .option('--permission-mode <mode>', 'what happens when it asks for permission: ask you (default), allow or deny')
    .option('--member <id>', 'the team member it works as')
    .option('--parent <id>', 'the session it belongs to')
    .option('--system-prompt <text>', 'who it is and how it works')
    .option('-e, --env <NAME=value>', 'a variable of its environment, no secret; may be repeated', pair)
    .option('-s, --secret <NAME=reference>', 'a secret of its environment, as env:NAME or file:/path where the runner finds it; may be repeated', pair)
    .option('--custom <json>', 'settings of its driver', object)
    .option('--idempotency-key <key>', 'a repeated call with the same key starts nothing new')
    .option('-a, --attach', 'watch it until it ends')
    .action(run(spawn));
};

async function spawn(context: Context, directive: string | undefined, options: SpawnOptions): Promise<void> {
  if (!directive && !options.task) throw new CliError(EXIT.usage, 'Say what it is to do, or give a task with --task.');
  const client = await context.client();
  const dir = options.dir === undefined ? undefined : resolve(context.terminal.cwd, options.dir);
  const project = await projectOf(client, options, dir ?? context.terminal.cwd);
  const body: SpawnSessionBody = {
    projectId: project.id, taskIds: options.task, workingDir: project.ofDir ? undefined : dir,
    providerType: options.provider, name: options.name, mode: options.mode, model: options.model, permissionMode: options.permissionMode, teamMemberId: options.member,
    parentSessionId: options.parent, initialDirective: directive, systemPrompt: options.systemPrompt, environment: options.env, secrets: options.secret, custom: options.custom,
  };
  const { body: session } = await client.spawn(body, { idempotencyKey: options.idempotencyKey }).catch(async (error: unknown) => {
    if (project.made) await takeBack(context, client, project.id);
    throw error;
  });
  if (project.made) context.printer.note(`made project ${project.id} for ${project.made}`);
  if (!options.attach) {
    context.printer.result(session, () => session.id);
    return;
  }
  context.printer.document(session);
  context.printer.note(session.id);
  await attachTo(context, session.id);
}

interface Place { id: string; /** It was found by its directory, which is then where the agent works. */ ofDir?: true; /** The directory it was made for, just now. */ made?: string }

/** A task belongs to its project wherever we stand; otherwise the directory says which. */
async function projectOf(client: ApiClient, { project, task }: SpawnOptions, dir: string): Promise<Place> {
  if (project !== undefined) return { id: project };
  if (task) return { id: (await client.task(task[0])).projectId };
  let cursor: string | undefined;
  for (let page = 0; page < PROJECT_PAGES_MAX; page++) {
    const { items, nextCursor } = await client.projects({ cursor, limit: 200 });
    const found = items.find((one) => one.workingDir === dir);
    if (found) return { id: found.id, ofDir: true };
    if (nextCursor === null) {
      await checkDirectory(dir);
      const { body } = await client.createProject({ name: basename(dir) || dir, workingDir: dir });
      return { id: body.id, ofDir: true, made: dir };
    }
    cursor = nextCursor;
  }
  throw new CliError(EXIT.usage, 'Too many projects to find the one of this directory: name it with --project.');
}

/** Before a project makes it a place where agents may work. @throws CliError */
async function checkDirectory(dir: string): Promise<void> {
  const found = await stat(dir).catch((error: NodeJS.ErrnoException) => {
    throw new CliError(EXIT.refused, error.code === 'ENOENT' ? `The directory ${dir} is missing.` : `The directory ${dir} cannot be read: ${error.message}`);
  });
  if (!found.isDirectory()) throw new CliError(EXIT.refused, `${dir} is no directory.`);
}

/** A project allows agents into its directory: a spawn that failed leaves none. One that has a session after all is refused, and stays. */
async function takeBack(context: Context, client: ApiClient, projectId: string): Promise<void> {
  await client.deleteProject(projectId).catch((error: Error) => context.printer.note(`project ${projectId} was made for this and stays: ${error.message}`));
}

function append(value: string, before: string[] = []): string[] {
  return [...before, value];
}

function pair(value: string, before: Record<string, string> = {}): Record<string, string> {
  const at = value.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('It must be NAME=value.');
  return { ...before, [value.slice(0, at)]: value.slice(at + 1) };
}

function object(value: string): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(value);
    if (typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed)) return parsed as Record<string, unknown>;
  } catch {
    // Told below.
  }
  throw new InvalidArgumentError('It must be a JSON object.');
}
