import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { AppError, buildManifest, manifestInputFrom, type BuiltManifest, type Manifest } from '@orbitmesh/domain';
import type { ApiClient } from '@orbitmesh/api-client';
import { MANIFEST_BYTES_MAX } from '@orbitmesh/contracts/wire';
import { projectOf, type Context } from '../context.js';
import { CliError, EXIT, type FieldError } from '../exit-code.js';
import type { OptionRow } from '../options.js';
import type { Call, Register } from '../site.js';
import { AGENT_OPTIONS, agentBody, PLACE_OPTIONS, TOOL_OPTIONS, type SpawnOptions } from '../spawn-session.js';
import { stdinBytes, textOf } from '../text-input.js';

/** Stands for the session that there is not yet. */
const PREVIEW_ID = 'sess_preview';

interface GenerateOptions extends SpawnOptions { session?: string; directive?: string; out?: string }
const GENERATE_OPTIONS: readonly OptionRow[] = [
  ['--session <session>', 'what this session was started with: the same bytes, checked by its hash'],
  ['-o, --out <file>', 'write it there, and print its hash (default: print it; the hash goes to stderr)'],
  ['--directive <text>', 'of a preview: what it is to do; - reads it from stdin'],
  ...PLACE_OPTIONS, ...TOOL_OPTIONS, ...AGENT_OPTIONS.filter(([flags]) => !/--(watch|idempotency-key|name)\b/.test(flags)),
];

export const registerManifest: Register = (program) => {
  const manifest = program.noun('manifest', 'what an agent is started with, reproducibly');
  manifest.add<GenerateOptions>({
    name: 'generate', about: 'build the manifest of a session again, or of a spawn that was not made: --session, or --project and --task', options: GENERATE_OPTIONS,
    more: `A preview has ${PREVIEW_ID} where the session's id will be. With --json one document: {hash, bytes, file, manifest}.`,
  }, generate);
  manifest.add({ name: 'validate', about: 'check a file against Manifest 1.0, strictly; exit code 1 when it is none', args: [['<file>', 'which one; - reads stdin']] }, validate);
};

async function generate(context: Context, { options }: Call<GenerateOptions>): Promise<void> {
  const client = await context.client();
  const built = options.session === undefined ? await preview(context, client, options) : await rebuilt(client, options.session);
  const { printer, terminal } = context;
  const file = options.out === undefined ? null : resolve(terminal.cwd, options.out);
  // Nobody is asked before an agent runs this command: it must not be a way to write files.
  if (file !== null && terminal.env['ORBITMESH_SESSION_ID']) throw new CliError(EXIT.refused, 'In a session it writes no file: print it.');
  // It may name what an agent's environment holds: for its owner alone.
  if (file !== null) await writeFile(file, built.json, { mode: 0o600 });
  const found = { hash: built.hash, bytes: Buffer.byteLength(built.json), file, manifest: built.manifest };
  if (printer.json) printer.document(found);
  else if (file !== null) printer.line(built.hash);
  else {
    terminal.stdout.write(built.json);
    printer.note(`sha256 ${built.hash}`);
  }
}

/** @throws CliError when what comes out is not what the session was started with */
async function rebuilt(client: ApiClient, sessionId: string): Promise<BuiltManifest> {
  const [session, input] = await Promise.all([client.session(sessionId), client.manifestInput(sessionId)]);
  const built = attempt(() => buildManifest(input));
  if (built === undefined || input.sessionId !== sessionId) throw new CliError(EXIT.failure, `What session ${sessionId} was started with is damaged.`, { code: 'MANIFEST_MISMATCH', hint: 'What can be done says: % doctor' });
  if (built.hash === session.manifestHash) return built;
  throw new CliError(EXIT.failure, `What was built has the hash ${built.hash}; session ${sessionId} was started with ${session.manifestHash}.`, {
    code: 'MANIFEST_MISMATCH', hint: 'Another version of OrbitMesh may have built that one. As it was: % session manifest SESSION',
  });
}

/** @param build fails for an input of any other shape */
function attempt(build: () => BuiltManifest): BuiltManifest | undefined {
  try {
    return build();
  } catch (error) {
    if (error instanceof AppError) throw error;
    return undefined;
  }
}

/** By what REST says of project, tasks and member, with the rule of a spawn. */
async function preview(context: Context, client: ApiClient, options: GenerateOptions): Promise<BuiltManifest> {
  if (!options.task && options.directive === undefined) throw new CliError(EXIT.usage, 'Of what? --session, or for a preview --task or --directive.');
  const tasks = await Promise.all((options.task ?? []).map((id) => client.task(id)));
  const projectId = projectOf(context, options.project) ?? tasks[0]?.projectId;
  if (projectId === undefined) throw new CliError(EXIT.usage, 'Which project? Name it with --project.');
  const foreign = tasks.find((task) => task.projectId !== projectId);
  if (foreign) throw new CliError(EXIT.refused, `Task ${foreign.id} is of another project, ${foreign.projectId}.`);
  const [project, member, parent] = await Promise.all([
    client.project(projectId), options.member === undefined ? null : client.teamMember(options.member), options.parent === undefined ? null : client.session(options.parent),
  ]);
  const { name: _name, ...agent } = await agentBody(context, options);
  const request = {
    ...agent, mcpServers: options.mcpServer, providerType: options.provider, workingDir: options.dir === undefined ? undefined : resolve(context.terminal.cwd, options.dir), initialDirective: await textOf(context, options.directive),
  };
  return buildManifest(manifestInputFrom({ sessionId: PREVIEW_ID, request, project, tasks, member, parent }));
}

async function validate(context: Context, { args: [given] }: Call): Promise<void> {
  const bytes = given === '-' ? await stdinBytes(context) : await fileBytes(resolve(context.terminal.cwd, given));
  const { sessionId, manifestVersion } = await read(given, bytes);
  const hash = createHash('sha256').update(bytes).digest('hex');
  context.printer.result({ valid: true, manifestVersion, sessionId, hash }, () => `a valid Manifest ${manifestVersion} of ${sessionId}, sha256 ${hash}`);
}

/** @throws CliError with everything that is wrong */
async function read(name: string, bytes: Uint8Array): Promise<Manifest> {
  // Only here: the classes that validate take longer to load than everything else of the CLI.
  const { parseManifest } = await import('@orbitmesh/contracts');
  try {
    return parseManifest(bytes);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    const errors = (error.details['errors'] ?? []) as FieldError[];
    throw new CliError(EXIT.failure, `${name} is not a Manifest 1.0.`, { code: error.code, errors, hint: 'As it should be: % manifest generate' });
  }
}

async function fileBytes(path: string): Promise<Uint8Array> {
  try {
    const bytes = await readFile(path);
    return bytes.subarray(0, MANIFEST_BYTES_MAX + 1);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(code === 'ENOENT' ? EXIT.notFound : EXIT.failure, code === 'ENOENT' ? `There is no file ${path}.` : message);
  }
}
