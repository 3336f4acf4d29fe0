import { beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './checkout.js';

const LINT_TEXT = fileURLToPath(new URL('./lint-text.mjs', import.meta.url));
const BOUNDARIES = '@nx/enforce-module-boundaries';
/** Needs types: those of its own package are enough. */
const PROMISES = '@typescript-eslint/no-floating-promises';
const SYNTAX = 'no-restricted-syntax';
const IMPORTS = 'no-restricted-imports';

/** A violation, planted in the place of some source of the package, and the rule that must see it. */
const PLANTED = [
  ['libs/domain', 'domain imports storage', "import { CommitLog } from '@orbitmesh/storage';\nexport const log = CommitLog;\n", BOUNDARIES],
  ['libs/storage', 'storage imports contracts', "import { SessionRpc } from '@orbitmesh/contracts';\nexport const rpc = SessionRpc;\n", BOUNDARIES],
  ['apps/api-gateway', 'the gateway imports storage', "import { CommitLog } from '@orbitmesh/storage';\nexport const log = CommitLog;\n", BOUNDARIES],
  ['apps/cli', 'the cli imports messaging', "import { Bus } from '@orbitmesh/messaging';\nexport const bus = Bus;\n", BOUNDARIES],
  ['apps/notifier', 'a service imports testing', "import { startNats } from '@orbitmesh/testing';\nexport const start = startNats;\n", BOUNDARIES],
  ['apps/notifier', 'somebody reaches into another package', "import { AppError } from '../../../libs/domain/src/errors/app-error.js';\nexport const error = AppError;\n", BOUNDARIES],
  ['apps/session-service', 'nobody waits for a promise', 'export function go(): void { Promise.resolve(1); }\n', PROMISES],
  ['apps/session-service', 'the environment is read outside of the configuration', 'export const home = process.env.HOME;\n', SYNTAX],
  ['apps/session-service', 'a provider is told by its name', "export const odd = (s: { providerType: string }): boolean => s.providerType === 'acp';\n", SYNTAX],
  ['apps/provider-runner', 'a switch tells drivers apart', "export function odd(s: { driver: string }): number { switch (s.driver) { case 'acp': return 1; default: return 2; } }\n", SYNTAX],
  ['apps/provider-runner', 'a shell reads a command', "import { exec } from 'node:child_process';\nexport const run = exec;\n", IMPORTS],
  ['apps/cli', 'all of child_process is imported', "import * as child from 'node:child_process';\nexport const run = child;\n", IMPORTS],
  ['apps/cli', 'a program is started by a shell', "import { spawn } from 'node:child_process';\nexport const run = (name: string) => spawn(name, { shell: true });\n", SYNTAX],
  ['apps/session-service', 'a command is a script', "import { execFile } from 'node:child_process';\nexport const run = (line: string) => execFile('/bin/sh', ['-c', line]);\n", SYNTAX],
  ['libs/storage', 'a shell is imported later', "export const run = () => import('node:child_process');\n", SYNTAX],
  ['libs/contracts', 'there is an enum', 'export enum Odd { one }\n', SYNTAX],
  ['libs/contracts', 'there is a default export', 'export default 1;\n', SYNTAX],
  ['libs/contracts', 'a function is too long', `export function long(n: number): number {\n${'  n += 1;\n'.repeat(71)}  return n;\n}\n`, 'max-lines-per-function'],
] as const;
const ALLOWED = ['apps/notifier', "import { AppError } from '@orbitmesh/domain';\nexport const error = AppError;\n"] as const;

/** The type checker behind the rules knows only files that are there. */
function aSourceOf(directory: string): string {
  const name = readdirSync(join(ROOT, directory, 'src')).sort().find((one) => one.endsWith('.ts') && !one.endsWith('.spec.ts'));
  if (!name) throw new Error(`${directory} has no source`);
  return join(ROOT, directory, 'src', name);
}

describe('the lint rules', () => {
  let fired: string[][];

  beforeAll(() => {
    const run = (args: string[], input = ''): string => execFileSync(process.execPath, args, {
      cwd: ROOT, encoding: 'utf8', input, env: { ...process.env, NX_DAEMON: 'false', NODE_OPTIONS: '' }, stdio: ['pipe', 'pipe', 'ignore'],
    });
    // Without a project graph on disk the boundary rule skips itself: what this spec is there to notice.
    run([join(ROOT, 'node_modules/nx/dist/bin/nx.js'), 'show', 'projects']);
    const planted = PLANTED.map(([directory, , source, rule]) => ({ directory, source, ...(rule === PROMISES && { project: `${directory}/tsconfig.json` }) }));
    const texts = [...planted, { directory: ALLOWED[0], source: ALLOWED[1] }].map(({ directory, ...more }) => ({ path: aSourceOf(directory), ...more }));
    fired = JSON.parse(run([LINT_TEXT, ROOT], JSON.stringify(texts))) as string[][];
  }, 120_000);

  it.each(PLANTED.map(([directory, what, , rule], n) => ({ directory, what, rule, n })))('fire in $directory when $what', ({ rule, n }) => {
    expect(fired[n]).toEqual([rule]);
  });

  it('leave an allowed import alone', () => {
    expect(fired.at(-1)).toEqual([]);
  });
});
