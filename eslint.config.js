import js from '@eslint/js';
import nx from '@nx/eslint-plugin';
import tseslint from 'typescript-eslint';

/** design §9: imports go one way. A scope may depend on the scopes in its list, and on nothing else of ours. */
const MAY_IMPORT = {
  domain: [],
  contracts: ['domain'],
  messaging: ['domain', 'contracts'],
  storage: ['domain'],
  'service-kit': ['domain', 'contracts', 'messaging', 'storage'],
  'api-client': ['domain', 'contracts'],
  'api-gateway': ['domain', 'contracts', 'messaging', 'service-kit'],
  'session-service': ['domain', 'contracts', 'messaging', 'storage', 'service-kit'],
  // The demo agent talks back over HTTP, as every agent does.
  'provider-runner': ['domain', 'contracts', 'messaging', 'storage', 'service-kit', 'api-client'],
  notifier: ['domain', 'contracts', 'messaging', 'storage', 'service-kit'],
  // The doctor and the backup read a home whose services may not be there (ADR-0022).
  cli: ['domain', 'contracts', 'api-client', 'storage'],
  testing: ['domain', 'contracts', 'messaging', 'storage', 'service-kit', 'api-client'],
  // storage: to audit the home of a stack that was killed.
  e2e: ['domain', 'contracts', 'messaging', 'api-client', 'storage', 'testing'],
};
const scope = (name) => `scope:${name}`;
const boundaries = (alsoAllowed) => ['error', {
  allow: [],
  // libs/testing sits above every library; a library's specs may use it, its sources may not.
  ignoredCircularDependencies: Object.keys(MAY_IMPORT).map((name) => [`@orbitmesh/${name}`, '@orbitmesh/testing']),
  depConstraints: Object.entries(MAY_IMPORT).map(([name, may]) => ({
    sourceTag: scope(name),
    onlyDependOnLibsWithTags: [name, ...may, ...alsoAllowed].map(scope),
  })),
}];

/** What exists for specs alone: it may use libs/testing. */
const FOR_SPECS = ['**/*.spec.ts', '**/src/testing/**'];
/** Only these read the environment: configuration, and what hands it on to an agent, which gets its allow-list of it. */
const READS_ENVIRONMENT = [
  'libs/service-kit/src/**', 'libs/testing/src/**', 'e2e/src/**', '**/src/testing/**',
  'apps/cli/src/**', 'apps/provider-runner/src/app.module.ts', 'apps/provider-runner/src/demo-agent/**',
];
const NO_ENVIRONMENT = {
  selector: "MemberExpression[object.name='process'][property.name='env']",
  message: 'Configuration is read in one place: extend ServiceConfig.',
};
const NO_PROVIDER_SWITCH = {
  selector: "BinaryExpression[operator=/^[!=]==$/] > MemberExpression[property.name=/^(providerType|driver)$/]:has(~ Literal), " +
    "BinaryExpression[operator=/^[!=]==$/][left.property.name=/^(providerType|driver)$/][right.type='Literal'], " +
    "SwitchStatement > MemberExpression.discriminant[property.name=/^(providerType|driver)$/]",
  message: 'What a driver can do is in its capabilities; only the registry knows their names.',
};
/** A program gets its arguments one by one, and no shell reads them. */
const NO_SHELL = [
  { selector: "CallExpression Property[key.name='shell'][value.value=true], CallExpression Property[key.name='shell'][value.value=/./]", message: 'Name the program and its arguments; a shell would read what is in them.' },
  { selector: 'ImportExpression[source.value=/^(node:)?child_process$/]', message: 'Import it by its names: some of them start a shell.' },
];
/** The runner's wrapper is the one script, and takes its command as arguments; specs, whose commands nobody else writes, may have theirs. */
const NO_SCRIPT = {
  selector: 'CallExpression > Literal.arguments:first-child[value=/^(\\S*\\u002F)?(ba|da|k|z)?sh$/]',
  message: 'Only the wrapper of an agent is a shell script.',
};
const SHELL_IMPORTS = ['error', { paths: ['node:child_process', 'child_process'].map((name) => ({ name, importNames: ['exec', 'execSync'], message: 'They start a shell: use execFile or spawn.' })) }];
const NO_ENUM = { selector: 'TSEnumDeclaration', message: 'Use an `as const` object and a union type.' };
const NO_DEFAULT_EXPORT = { selector: 'ExportDefaultDeclaration', message: 'Named exports only.' };
const NO_SLEEP = {
  selector: "NewExpression[callee.name='Promise'] CallExpression[callee.name='setTimeout'][arguments.length=2], " +
    "CallExpression[callee.name=/^(sleep|delay)$/], ImportDeclaration[source.value='node:timers/promises']",
  message: 'Wait for the state (`eventually`), never for a time.',
};

export default tseslint.config(
  { ignores: ['**/dist', '**/node_modules', '.nx', '.cache', 'coverage'] },
  js.configs.recommended,
  {
    files: ['**/*.mjs', '**/*.js'],
    languageOptions: { globals: { process: 'readonly', performance: 'readonly', setTimeout: 'readonly', clearTimeout: 'readonly',
      setInterval: 'readonly', clearInterval: 'readonly', setImmediate: 'readonly', Buffer: 'readonly', URL: 'readonly',
      URLSearchParams: 'readonly', fetch: 'readonly', console: 'readonly', AbortSignal: 'readonly', AbortController: 'readonly',
      structuredClone: 'readonly', TextDecoder: 'readonly', TextEncoder: 'readonly' } },
    rules: { 'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }], 'no-restricted-syntax': ['error', NO_SCRIPT, ...NO_SHELL], 'no-restricted-imports': SHELL_IMPORTS },
  },
  {
    files: ['**/*.ts'],
    extends: [...tseslint.configs.recommended],
    languageOptions: { parserOptions: { project: 'tsconfig.lint.json', tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx },
    rules: {
      '@nx/enforce-module-boundaries': boundaries([]),
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { arguments: false, attributes: false } }],
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'none' }],
      // Nest's modules are classes with nothing but a decorator.
      '@typescript-eslint/no-extraneous-class': 'off',
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
      'no-restricted-imports': SHELL_IMPORTS,
      'no-restricted-syntax': ['error', NO_ENVIRONMENT, NO_PROVIDER_SWITCH, NO_ENUM, NO_DEFAULT_EXPORT, NO_SCRIPT, ...NO_SHELL],
    },
  },
  { files: READS_ENVIRONMENT, rules: { 'no-restricted-syntax': ['error', NO_PROVIDER_SWITCH, NO_ENUM, NO_DEFAULT_EXPORT, NO_SCRIPT, ...NO_SHELL] } },
  {
    files: ['apps/provider-runner/src/**/registry.ts', 'apps/provider-runner/src/**/*.registry.ts'],
    rules: { 'no-restricted-syntax': ['error', NO_ENVIRONMENT, NO_ENUM, NO_DEFAULT_EXPORT, NO_SCRIPT, ...NO_SHELL] },
  },
  {
    files: FOR_SPECS,
    rules: {
      '@nx/enforce-module-boundaries': boundaries(['testing']),
      // A describe block holds many tests; each test stays small by itself.
      'max-lines-per-function': 'off',
    },
  },
  {
    files: ['**/*.spec.ts'],
    rules: {
      'no-restricted-syntax': ['error', NO_ENUM, NO_DEFAULT_EXPORT, NO_SLEEP, ...NO_SHELL],
    },
  },
);
