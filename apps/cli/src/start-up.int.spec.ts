import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const CLI = new URL('../dist/cli.js', import.meta.url);

/** Names every module that is loaded: by a hook what is imported, by the cache what is required from there on. */
const LIST = `
import { createRequire, register } from 'node:module';
const hook = "import { writeSync } from 'node:fs'; export async function load(url, context, next) { writeSync(1, url + '\\\\n'); return next(url, context); }";
register('data:text/javascript,' + encodeURIComponent(hook));
await import(${JSON.stringify(CLI.href)});
console.log(Object.keys(createRequire(${JSON.stringify(CLI.href)}).cache).join('\\n'));
`;

describe('the start of the CLI', () => {
  it('loads neither a validator nor the MCP SDK: an agent calls it often, and a person waits for it at every key that completes', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', LIST], { cwd: fileURLToPath(new URL('.', CLI)) });
    const packages = new Set(stdout.split('\n').map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]).filter(Boolean));

    expect([...packages].sort()).toEqual(['commander', 'ulid', 'ws']);
  });
});
