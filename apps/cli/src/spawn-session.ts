import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { PERMISSION_MODES, SESSION_MODES, SESSION_PRIORITY, type PermissionMode, type RunnerLabels, type SessionMode } from '@orbitmesh/domain';
import type { ApiClient } from '@orbitmesh/api-client';
import type { SpawnSessionBody } from '@orbitmesh/contracts';
import { projectOf, type Context } from './context.js';
import { CliError, EXIT } from './exit-code.js';
import { PROJECT_PAGES_MAX } from './limits.js';
import { append, between, jsonObject, pair, pairOrNone, type OptionRow } from './options.js';
import { PAGE_ITEMS } from './pages.js';
import { attachTo } from './session-viewer.js';
import type { Call } from './site.js';
import { textOf } from './text-input.js';

/** What a spawn and a continuation say alike of the agent. */
export interface AgentOptions {
  name?: string; mode?: SessionMode; model?: string; permissionMode?: PermissionMode; systemPrompt?: string;
  env?: Record<string, string>; secret?: Record<string, string>; custom?: Record<string, unknown>; idempotencyKey?: string; watch?: boolean;
}
export interface SpawnOptions extends AgentOptions {
  project?: string; task?: string[]; dir?: string; provider?: string; member?: string; parent?: string; mcpServer?: McpServer[]; attach?: boolean;
  runnerLabel?: RunnerLabels; priority?: number;
}
type McpServer = NonNullable<SpawnSessionBody['mcpServers']>[number];

export const AGENT_OPTIONS: readonly OptionRow[] = [
  ['--name <name>', 'what to call the session'],
  ['--mode <mode>', 'task: ends when its work is done (default); interactive: waits for more input', SESSION_MODES],
  ['--model <model>', 'the model, where the provider lets one choose'],
  ['--permission-mode <mode>', 'what happens when it asks for permission: ask you (default), allow or deny', PERMISSION_MODES],
  ['--system-prompt <text>', 'who it is and how it works; - reads it from stdin'],
  ['-e, --env <NAME=value>', 'a variable of its environment, no secret; may be repeated', pair],
  ['-s, --secret <NAME=reference>', 'a secret of its environment, as env:NAME or file:/path where the runner finds it; may be repeated', pair],
  ['--custom <json>', 'settings of its driver', jsonObject],
  ['--idempotency-key <key>', 'a repeated call with the same key starts nothing new'],
  ['-w, --watch', 'watch it until it ends, answer what it asks, say what is typed'],
];

/** A continuation is as the session was that it goes on with, where nothing else is said. */
export const CONTINUE_OPTIONS: readonly OptionRow[] = AGENT_OPTIONS.map(([flags, about, ...more]): OptionRow => [flags, about.replace(' (default)', '').replace('ask you (default)', 'ask you') + (/^--(mode|permission-mode|model)/.test(flags) ? ' (default: as before)' : ''), ...more] as OptionRow);

/** Where an agent works, and for whom. */
export const PLACE_OPTIONS: readonly OptionRow[] = [
  ['-p, --project <project>', "its project (default: the task's, else the one of --dir or of this directory, made if there is none; in a session: its own)"],
  ['-t, --task <task>', 'a task to work on; may be repeated', append],
  ['-d, --dir <path>', "where it works (default: the project's directory)"],
  ['--provider <provider>', 'a configured provider (default: demo)'],
  ['--member <member>', 'the team member it works as'],
  ['--parent <session>', 'the session it belongs to (default in a session: that one)'],
  ['--runner-label <NAME=value>', "only on runners with this label; may be repeated; none: on any (default: its member's, else its project's)", pairOrNone],
  ['--priority <n>', `from ${SESSION_PRIORITY.least} to ${SESSION_PRIORITY.most}: of those that wait for a runner, the greatest comes first (default: 0)`, between(SESSION_PRIORITY.least, SESSION_PRIORITY.most)],
];

/** What it can do; a continuation has it from the session that it goes on with. */
export const TOOL_OPTIONS: readonly OptionRow[] = [
  ['--mcp-server <json>', 'an MCP server of its own, as {"name": …, "command": …, "args": […], "env": {…}}; may be repeated', (value: string, before: object[] = []) => [...before, jsonObject(value, undefined as never) as object]],
];

export const SPAWN_OPTIONS: readonly OptionRow[] = [...PLACE_OPTIONS, ...AGENT_OPTIONS, ...TOOL_OPTIONS, ['-a, --attach', 'the same as --watch']];

export async function spawnSession(context: Context, { args: [given], options }: Call<SpawnOptions, [directive?: string]>): Promise<void> {
  if (!given && !options.task) throw new CliError(EXIT.usage, 'Say what it is to do, or give a task with --task.');
  const client = await context.client();
  const { env, cwd } = context.terminal;
  const dir = options.dir === undefined ? undefined : resolve(cwd, options.dir);
  const project = await placeOf(context, client, options, dir ?? cwd);
  const body: SpawnSessionBody = {
    projectId: project.id, taskIds: options.task, workingDir: project.ofDir ? undefined : dir, initialDirective: await textOf(context, given),
    providerType: options.provider, teamMemberId: options.member, parentSessionId: options.parent ?? (env['ORBITMESH_SESSION_ID'] || undefined), mcpServers: options.mcpServer,
    runnerLabels: options.runnerLabel, priority: options.priority, ...await agentBody(context, options),
  };
  const { body: session } = await client.spawn(body, { idempotencyKey: options.idempotencyKey }).catch(async (error: unknown) => {
    if (project.made) await takeBack(context, client, project.id);
    throw error;
  });
  if (project.made) context.printer.note(`made project ${project.id} for ${project.made}`);
  await showStarted(context, session, options.watch ?? options.attach);
}

export async function agentBody(context: Context, options: AgentOptions) {
  const { name, mode, model, permissionMode, env, secret, custom } = options;
  return { name, mode, model, permissionMode, environment: env, secrets: secret, custom, systemPrompt: await textOf(context, options.systemPrompt) };
}

/** Its id, or itself from now to its end. */
export async function showStarted(context: Context, session: { id: string }, watch: boolean | undefined): Promise<void> {
  if (!watch) {
    context.printer.result(session, () => session.id);
    return;
  }
  context.printer.document(session);
  if (!context.printer.json) context.printer.note(session.id);
  await attachTo(context, session.id);
}

interface Place { id: string; /** It was found by its directory, which is then where the agent works. */ ofDir?: true; /** The directory it was made for, just now. */ made?: string }

/** A task belongs to its project wherever we stand; otherwise the directory says which. */
async function placeOf(context: Context, client: ApiClient, { project, task }: SpawnOptions, dir: string): Promise<Place> {
  if (project !== undefined) return { id: project };
  if (task) return { id: (await client.task(task[0])).projectId };
  const own = projectOf(context, undefined);
  if (own !== undefined) return { id: own };
  let cursor: string | undefined;
  for (let page = 0; page < PROJECT_PAGES_MAX; page++) {
    const { items, nextCursor } = await client.projects({ cursor, limit: PAGE_ITEMS });
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
