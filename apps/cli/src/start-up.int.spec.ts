import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const CLI = new URL('../dist/cli.js', import.meta.url);

/** Names what was loaded that is not an ES module: every package of ours is one. */
const LIST = `
import { createRequire } from 'node:module';
await import(${JSON.stringify(CLI.href)});
console.log(JSON.stringify(Object.keys(createRequire(${JSON.stringify(CLI.href)}).cache)));
`;

describe('the start of the CLI', () => {
  it('loads no validator: an agent calls it often, and a person waits for it at every key that completes', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', LIST], { cwd: fileURLToPath(new URL('.', CLI)) });
    const packages = new Set((JSON.parse(stdout) as string[]).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]));

    expect([...packages].sort()).toEqual(['commander', 'ws']);
  });
});
