import { READY_MADE_PROVIDERS, type ProviderEntry, type ReadyMadeProvider } from '@orbitmesh/domain';
import type { Context } from './context.js';
import { printTable, type Columns } from './document-text.js';
import { commandOf, findOnPath, versionOf } from './find-program.js';
import { providersFileOf, readProviders } from './providers-file.js';

/** An agent that `provider add` knows, as it is on this machine. */
export interface FoundProgram extends Pick<ReadyMadeProvider, 'name' | 'title' | 'testedVersion'> {
  /** Null: not on PATH. */
  path: string | null;
  version: string | null;
  /** Providers that start it. */
  entries: string[];
}

/** `provider detect`: of each agent that can be added, where it is and which version. @throws CliError */
export async function detectPrograms({ terminal: { env }, printer }: Context, columns: Columns<FoundProgram>): Promise<void> {
  const entries = await readProviders(providersFileOf(env));
  const found: FoundProgram[] = [];
  // One after the other: each starts a program that takes a core for a second or two.
  for (const one of READY_MADE_PROVIDERS) found.push(await look(one, entries, env));
  printTable(printer, found, columns, '');
  if (!printer.json && found.every(({ path }) => path === null)) printer.note('None of them is on PATH. docs/how-to/run-real-agents.md says how to install each.');
}

async function look({ name, title, testedVersion, program, driver, custom }: ReadyMadeProvider, entries: ReadonlyMap<string, ProviderEntry>, env: NodeJS.ProcessEnv): Promise<FoundProgram> {
  const path = await findOnPath(program, env);
  const same = (entry: ProviderEntry): boolean => entry.driver === driver && JSON.stringify(entry.custom?.acp ?? null) === JSON.stringify(custom?.acp ?? null);
  const version = path === null ? null : await versionOf(await commandOf(path), env);
  return { name, title, testedVersion, path, version, entries: [...entries].filter(([, entry]) => same(entry)).map(([entryName]) => entryName) };
}
