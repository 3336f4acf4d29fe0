import { ApiClient } from '@orbitmesh/api-client';
import { connectionOf } from './connection.js';
import { CliError, EXIT, type ExitCode } from './exit-code.js';
import { NAMED_FILES_MAX, PROJECT_PAGES_MAX } from './limits.js';
import { restartAwaited } from './launcher.js';
import { itemsOf, PAGE_ITEMS } from './pages.js';
import { Printer } from './printer.js';
import type { Terminal } from './terminal.js';

/** What a command works with. */
export interface Context {
  terminal: Terminal;
  printer: Printer;
  /** Connects when first asked for. @throws CliError */
  client(): Promise<ApiClient>;
  /** What the process ends with, when it is not 0 and not an error. */
  exitCode: ExitCode;
}

export function contextOf(terminal: Terminal, json: boolean): Context {
  let client: Promise<ApiClient> | undefined;
  const printer = new Printer(terminal, json);
  const expectedBack = restartAwaited(terminal, printer);
  return {
    terminal,
    printer,
    client: () => client ??= connectionOf(terminal.env).then((connection) => new ApiClient({ ...connection, expectedBack, signal: terminal.signal })),
    exitCode: EXIT.ok,
  };
}

/** The session that was named, else the one we are in. @throws CliError */
export function sessionOf({ terminal }: Context, given: string | undefined): string {
  const id = given ?? terminal.env['ORBITMESH_SESSION_ID'];
  if (!id) throw new CliError(EXIT.usage, 'Which session? Outside of one, name it.');
  return id;
}

/** The project that was named, else the one of the session we are in, if there is one. */
export function projectOf({ terminal }: Context, given: string | undefined): string | undefined {
  return given ?? (terminal.env['ORBITMESH_PROJECT_ID'] || undefined);
}

/** The id of the project that has this name; an id is one already. `none` stands for no project where a command takes it, and an agent sees one project only. @throws CliError */
export async function projectNamed({ client, terminal }: Context, given: string): Promise<string> {
  if (given === 'none' || given.startsWith('proj_') || terminal.env['ORBITMESH_SESSION_ID']) return given;
  const found: string[] = [];
  let looked = 0;
  for await (const { id, name } of itemsOf(async (cursor) => (await client()).projects({ cursor, limit: PAGE_ITEMS }))) {
    if (id === given) return given;
    if (name === given) found.push(id);
    if ((looked += 1) >= PROJECT_PAGES_MAX * PAGE_ITEMS) break;
  }
  if (found.length === 1) return found[0];
  const hint = 'A project is named by its id, proj_…, or by a name that no other has; those that there are: % project list';
  if (found.length > 1) throw new CliError(EXIT.usage, `${found.length} projects are called ${given}: ${found.slice(0, NAMED_FILES_MAX).join(', ')}${found.length > NAMED_FILES_MAX ? ', …' : ''}.`, { hint });
  throw new CliError(EXIT.notFound, `There is no project ${given}.`, { code: 'PROJECT_NOT_FOUND', hint });
}

/** As `projectOf`, for what cannot be without one. @throws CliError */
export function projectNeeded(context: Context, given: string | undefined): string {
  const id = projectOf(context, given);
  if (!id) throw new CliError(EXIT.usage, 'Which project? Name it with --project.');
  return id;
}

/** The task that was named, else the only one of the session we are in. @throws CliError */
export function taskNeeded({ terminal }: Context, given: string | undefined): string {
  const ours = (terminal.env['ORBITMESH_TASK_IDS'] ?? '').split(',').filter(Boolean);
  if (given === undefined && ours.length !== 1) throw new CliError(EXIT.usage, `Which task? Name it with --task${ours.length > 1 ? `: ${ours.join(', ')}` : '.'}`);
  return given ?? ours[0];
}
