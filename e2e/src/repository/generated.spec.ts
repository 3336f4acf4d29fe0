import { beforeAll, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { read, ROOT } from './checkout.js';

/** How `tools/gen.mjs` says which files it makes. */
function generator(...args: string[]): { status: number | null; said: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(ROOT, 'tools', 'gen.mjs'), ...args], { encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } });
  return { status, said: stdout, stderr };
}

describe('the generated files', () => {
  let files: string[];

  beforeAll(() => {
    files = generator('--list').said.trim().split('\n');
  });

  // That they are what the code says is a part of `npm test` of its own (tools/lib/run-tests.mjs).
  it('are told apart from what is stale, and from what is missing', () => {
    const copy = mkdtempSync(join(tmpdir(), 'om-generated-'));
    try {
      for (const file of files) cpSync(join(ROOT, file), join(copy, file), { recursive: true });
      const [missing, stale] = files;
      rmSync(join(copy, missing));
      writeFileSync(join(copy, stale), `${read(stale)} `);

      const { status, stderr } = generator('--check', '--in', copy);
      expect(status).toBe(1);
      expect(stderr.trim().split('\n')).toEqual([missing, stale].map((file) => expect.stringContaining(`${file} is not what the code says`)));
    } finally {
      rmSync(copy, { recursive: true });
    }
  }, 120_000);

  it('say so, where they can', () => {
    expect(files.filter((file) => !/[Gg]enerated .*do not edit/s.test(read(file).slice(0, 600)))).toEqual([]);
  });

  it('are kept where their readers look', () => {
    expect(new Set(files.map((file) => dirname(file)))).toEqual(new Set(['docs', 'tools', 'libs/api-client/src/generated', 'libs/contracts/src/generated']));
  });
});
