import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { FieldProblem } from '@orbitmesh/contracts';
import { checkEnvironment, checkSecrets } from '@orbitmesh/contracts/wire';
import { entryOfReadyMade, PROVIDER_NAME, readyMade, type ProviderEntry, type ReadyMadeProvider } from '@orbitmesh/domain';
import type { Context } from './context.js';
import { CliError, EXIT } from './exit-code.js';
import { commandOf, findOnPath, versionOf } from './find-program.js';
import { changeProviders, providersFileOf, readProviders } from './providers-file.js';
import { cliNameOf, printable } from './terminal.js';

export interface AddOptions { command?: string; name?: string; secret?: Record<string, string>; env?: Record<string, string>; login?: boolean; force?: boolean }

/** `provider add`: the entry of an agent that people have on this machine, found or where they say it is. @throws CliError */
export async function addProvider(context: Context, { args: [agent], options }: { args: [agent: string]; options: AddOptions }): Promise<void> {
  const { terminal: { env }, printer } = context;
  const known = readyMade(agent)!;
  const file = providersFileOf(env);
  const name = nameOf(options.name ?? known.name);
  const secrets = options.secret ?? {};
  refuseWrong(options);
  const exists = (entries: ReadonlyMap<string, ProviderEntry>): boolean => {
    if (entries.has(name) && !options.force) throw new CliError(EXIT.conflict, `There is a provider ${name} already.`, { code: 'PROVIDER_EXISTS', hint: 'Replace it with --force, or add this one beside it with --name.' });
    return entries.has(name);
  };
  exists(await readProviders(file));
  const command = await commandOf(await pathOf(known, options.command, env));
  const own = options.login ? placesOf(known, env) : {};
  const entry = entryOfReadyMade(known, command, { env: { ...own, ...options.env }, secrets });
  let replaced = false;
  await changeProviders(file, (entries) => {
    replaced = exists(entries);
    entries.set(name, entry);
  });
  const version = await versionOf(command, env);
  printer.result({ name, entry, file, replaced, version }, () => `${name}: ${replaced ? 'replaced' : 'added'} (${known.title}${version ? ` ${printable(version)}` : ''}; ${printable(entry.command.join(' '))})`);
  for (const note of notesOf(known, { entry, version, login: options.login === true, env })) printer.note(note);
  if (!printer.json) printer.note(`Try it: ${cliNameOf(context.terminal.env)} session spawn "Say hello." --provider ${name} --watch`);
}

/** @throws CliError */
function nameOf(name: string): string {
  if (name === 'demo') throw new CliError(EXIT.refused, 'demo is built in.');
  if (!PROVIDER_NAME.test(name)) throw new CliError(EXIT.usage, 'The name of a provider is letters, digits, ., _ and -, at most 64.');
  return name;
}

/** providers.json is a plain file: secrets are in it by reference only. @throws CliError */
function refuseWrong({ env = {}, secret = {} }: AddOptions): void {
  const problems: FieldProblem[] = [...checkEnvironment(env), ...checkSecrets(secret)];
  if (problems.length === 0) return;
  const names = problems.map(({ pointer }) => pointer.slice(1));
  if (problems.every(({ code }) => code !== 'SECRET_BY_VALUE')) throw new CliError(EXIT.usage, `${names.join(', ')}: ${problems[0].detail}.`);
  throw new CliError(EXIT.usage, `${names.join(', ')}: a secret is not written into providers.json, only where it is.`, { code: 'SECRET_BY_VALUE', hint: `--secret ${names[0]}=env:${names[0]} (of the environment OrbitMesh is started in) or --secret ${names[0]}=file:/path` });
}

/** @throws CliError */
async function pathOf({ program, title, package: name }: ReadyMadeProvider, given: string | undefined, env: NodeJS.ProcessEnv): Promise<string> {
  const path = given ?? await findOnPath(program, env);
  if (path === null) throw new CliError(EXIT.notFound, `${title} is not installed: there is no ${program} on PATH.`, { code: 'PROGRAM_NOT_FOUND', hint: `Install it (npm install -g ${name}), or say where it is with --command /path/to/${program}.` });
  return path;
}

/** What the person has logged in with, shared with the agent's sessions. */
function placesOf({ ownPlaces }: ReadyMadeProvider, env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(Object.entries(ownPlaces).map(([variable, path]) => [variable, env[variable] ?? join(env['HOME'] ?? homedir(), path)]));
}

interface Added { entry: ProviderEntry; version: string | null; login: boolean; env: NodeJS.ProcessEnv }

/** What may still be missing. */
function notesOf(known: ReadyMadeProvider, { entry, version, login, env }: Added): string[] {
  const secrets = Object.entries(entry.secrets ?? {});
  const unset = secrets.filter(([, reference]) => reference.startsWith('env:') && !env[reference.slice('env:'.length)]).map(([, reference]) => reference.slice('env:'.length));
  const places = Object.values(entry.env ?? {}).filter((path) => path.startsWith('/'));
  const hasKey = secrets.length > 0;
  return [
    ...(version === null ? [`It did not say its version; ${cliNameOf(env)} provider list shows whether it starts.`] : []),
    ...(!hasKey && !login ? [`It has no key. Give it one with --force --secret ${known.keys[0]}=env:${known.keys[0]} or ${known.keys[0]}=file:/path (also: ${known.keys.slice(1).join(', ')}), or let it use your own login with --force --login.`] : []),
    ...(login && places.some((path) => !existsSync(path)) ? [`Nobody has logged in there yet: ${known.login}.`] : []),
    ...(login ? ['Its sessions share your own login, settings and history.'] : []),
    ...unset.map((variable) => `${variable} is not set here: start OrbitMesh in an environment that has it.`),
  ];
}

/** `provider remove`. @throws CliError */
export async function removeProvider(context: Context, { args: [name] }: { args: [name: string] }): Promise<void> {
  const file = providersFileOf(context.terminal.env);
  await changeProviders(file, (entries) => {
    if (!entries.delete(name)) throw new CliError(EXIT.notFound, name === 'demo' ? 'demo is built in.' : `There is no provider ${name} in ${file}.`, { code: 'PROVIDER_NOT_FOUND', hint: `There are: ${[...entries.keys()].join(', ') || 'none'}` });
  });
  context.printer.result({ name, removed: true }, () => `${name}: removed; its sessions go on`);
}
