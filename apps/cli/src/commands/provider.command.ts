import type { ProviderView } from '@orbitmesh/contracts';
import { READY_MADE_PROVIDERS } from '@orbitmesh/domain';
import { addProvider, removeProvider, type AddOptions } from '../add-provider.js';
import { detectPrograms, type FoundProgram } from '../detect-programs.js';
import type { Columns } from '../document-text.js';
import { CliError } from '../exit-code.js';
import { pair } from '../options.js';
import { providersFileOf, readProviders } from '../providers-file.js';
import type { Context } from '../context.js';
import type { Register } from '../site.js';
import { cliNameOf } from '../terminal.js';

const COLUMNS: Columns<ProviderView> = [
  ['PROVIDER', (one) => one.name], ['DRIVER', (one) => one.driver], ['INSTALLED', (one) => (one.installed ? one.version ?? 'yes' : one.detail ?? 'no')],
  ['CAN', ({ capabilities = {} }) => Object.entries(capabilities).filter(([, can]) => can && can !== 'none').map(([name]) => name)],
];
const FOUND: Columns<FoundProgram> = [
  ['AGENT', (one) => one.name], ['IS', (one) => one.title], ['VERSION', (one) => (one.path === null ? 'not installed' : one.version ?? 'unknown')], ['TESTED WITH', (one) => one.testedVersion],
  ['PROGRAM', (one) => one.path], ['ADDED AS', (one) => one.entries],
];
const NAMES = READY_MADE_PROVIDERS.map(({ name }) => name);
const MORE_ADD = `Looks for the agent's program on PATH and writes an entry into providers.json of the home, which a running OrbitMesh reads by
itself. Each session has its own state directory, so the agent does not see what you have logged in with: give it a key by
reference (--secret), or share your own login and settings with it (--login). docs/how-to/run-real-agents.md has each agent.`;

export const registerProvider: Register = (program) => {
  const provider = program.noun('provider', 'which agents may be started: entries of providers.json in the home; demo is built in');
  provider.list<ProviderView>({ about: 'list the providers, and what each can do', page: ({ client }) => client.providers(), columns: COLUMNS, none: 'No provider.', after: tellMore });
  provider.add<AddOptions, [agent: string]>({
    name: 'add', about: 'let an agent of this machine be started', args: [['<agent>', 'which one', NAMES]], more: MORE_ADD,
    options: [
      ['--command <path>', 'where its program is (default: as PATH has it)'],
      ['--name <name>', 'what to call the provider (default: as the agent)'],
      ['-s, --secret <NAME=reference>', 'a secret of its environment, as env:NAME or file:/path where the runner finds it; may be repeated', pair],
      ['-e, --env <NAME=value>', 'a variable of its environment, no secret; may be repeated', pair],
      ['--login', 'use your own login, settings and history with it'],
      ['-f, --force', 'replace the entry there is'],
    ],
  }, addProvider);
  provider.add<object, [name: string]>({ name: 'remove', about: 'take a provider out of providers.json', args: [['<provider>', 'which one']] }, removeProvider);
  provider.add({ name: 'detect', about: 'which agents are on this machine', prints: 'documents' }, (context) => detectPrograms(context, FOUND));
};

/** What the list cannot say: a file that is not used, and how there would be more. */
async function tellMore({ terminal: { env }, printer }: Context, providers: readonly ProviderView[]): Promise<void> {
  const cli = cliNameOf(env);
  try {
    await readProviders(providersFileOf(env));
    if (providers.length === 1 && !printer.json) printer.note(`An agent of this machine becomes a provider by: ${cli} provider add AGENT   (${cli} provider detect shows which there are)`);
  } catch (error) {
    // In an agent's session, and for another machine's OrbitMesh, the file is not ours to look at.
    if (error instanceof CliError && error.code === 'CONFIG_INVALID') printer.note(`${error.message} ${error.hint}`);
  }
}
