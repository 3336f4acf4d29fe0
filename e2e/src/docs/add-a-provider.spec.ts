import { inFull } from '@orbitmesh/testing';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { read, ROOT } from '../repository/checkout.js';

const PAGE = 'docs/how-to/add-a-provider.md';
const RUNNER = 'apps/provider-runner';
/** A path in backticks, at the end of the line above a block: the block is that file, or what changes in it. */
const NAMED_BLOCK = /`([\w./-]+)`:\n((?:```\w+\n[\s\S]*?```\n)+)/g;
const BLOCK = /```(\w+)\n([\s\S]*?)```/g;
/** Compiling, and the whole suite on a busy machine. */
const FOLLOW_MS = 5 * 60_000;
const run = promisify(execFile);

/** Where the line with a space before it is, the lines with a plus are added: what is there once and only once. */
function applied(source: string, change: string): string {
  const lines = change.trimEnd().split('\n');
  const before = lines.filter((line) => line.startsWith(' ')).map((line) => line.slice(1)).join('\n');
  if (source.split(before).length !== 2) throw new Error(`the page changes a place that is not there, or more than once: ${before}`);
  return source.replace(before, () => lines.map((line) => line.slice(1)).join('\n'));
}

/** @throws with what it said, where it fails */
async function inScratch(scratch: string, args: string[]): Promise<void> {
  await run(process.execPath, args, { cwd: scratch, timeout: FOLLOW_MS, maxBuffer: 16 * 1024 * 1024 }).catch((error: { stdout: string; stderr: string }) => {
    throw new Error(`${args.join(' ')} failed:\n${error.stdout.slice(-5_000)}${error.stderr.slice(-5_000)}`);
  });
}

describe('docs/how-to/add-a-provider.md', () => {
  let scratch: string;
  const files: string[] = [];

  beforeAll(() => {
    scratch = realpathSync(mkdtempSync(join(tmpdir(), 'om-add-a-provider-')));
    for (const name of ['tsconfig.base.json', 'jest.config.js', 'package.json']) cpSync(join(ROOT, name), join(scratch, name));
    for (const name of ['node_modules', 'libs', 'apps/cli', 'tools']) {
      mkdirSync(dirname(join(scratch, name)), { recursive: true });
      symlinkSync(join(ROOT, name), join(scratch, name));
    }
    for (const name of ['src', 'package.json', 'tsconfig.json']) cpSync(join(ROOT, RUNNER, name), join(scratch, RUNNER, name), { recursive: true });
  });
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  it('names the files of a driver, and what changes in one that is there', () => {
    for (const [, path, blocks] of read(PAGE).matchAll(NAMED_BLOCK)) {
      for (const [, language, text] of blocks.matchAll(BLOCK)) {
        const file = join(scratch, path);
        writeFileSync(file, language === 'diff' ? applied(readFileSync(file, 'utf8'), text) : text);
      }
      files.push(path);
    }
    expect(files).toEqual(['parrot.driver.ts', 'registry.ts', 'testing/parrot.mjs', 'parrot.int.spec.ts'].map((name) => `${RUNNER}/src/drivers/${name}`));
  });

  inFull('is a driver that compiles, and conforms', async () => {
    await inScratch(scratch, [join(ROOT, 'node_modules/typescript7/bin/tsc'), '-p', RUNNER]);
    const results = join(scratch, 'results.json');

    await inScratch(scratch, [
      '--experimental-vm-modules', join(ROOT, 'node_modules/jest/bin/jest.js'), '--rootDir', scratch, '--maxWorkers=1', '--json', `--outputFile=${results}`, `${RUNNER}/src/drivers/parrot`,
    ]);

    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(results, 'utf8')) as Record<string, number>;
    expect(numFailedTests).toBe(0);
    expect(numPassedTests).toBeGreaterThan(20);
  }, FOLLOW_MS);
});
