import type { ProviderView } from '@orbitmesh/contracts';
import type { Columns } from '../document-text.js';
import type { Register } from '../site.js';

const COLUMNS: Columns<ProviderView> = [
  ['PROVIDER', (one) => one.name], ['DRIVER', (one) => one.driver], ['INSTALLED', (one) => (one.installed ? one.version ?? 'yes' : one.detail ?? 'no')],
  ['CAN', ({ capabilities = {} }) => Object.entries(capabilities).filter(([, can]) => can && can !== 'none').map(([name]) => name)],
];

export const registerProvider: Register = (program) => {
  program.noun('provider', 'which agents may be started: entries of providers.json in the home; demo is built in')
    .list<ProviderView>({ about: 'list the providers, and what each can do', page: ({ client }) => client.providers(), columns: COLUMNS, none: 'No provider.' });
};
