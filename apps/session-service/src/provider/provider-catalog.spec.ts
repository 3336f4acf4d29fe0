import { execFileSync } from 'node:child_process';
import { mkdir, rm, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { temporaryDirectory } from '../testing/test-service.js';
import { ProviderCatalog } from './provider-catalog.js';

describe('the provider catalog', () => {
  let home: string;
  let catalog: ProviderCatalog;

  beforeEach(async () => {
    home = await temporaryDirectory('om-catalog-');
    catalog = new ProviderCatalog(home);
  });
  afterEach(() => rm(home, { recursive: true }));

  const write = async (content: unknown): Promise<void> => {
    await writeFile(join(home, 'providers.json'), typeof content === 'string' ? content : JSON.stringify(content));
    await catalog.refresh();
  };
  const names = (): string[] => catalog.list().map(({ name }) => name);

  it('knows demo without a file, and when the file is gone again', async () => {
    await catalog.refresh();
    expect(names()).toEqual(['demo']);
    await write({ tool: { driver: 'process', command: ['/bin/x'], custom: { stallSeconds: 30 } } });
    expect(catalog.get('tool')).toEqual({ name: 'tool', driver: 'process', stallMs: 30_000 });
    await unlink(join(home, 'providers.json'));
    await catalog.refresh();
    expect(names()).toEqual(['demo']);
    expect(catalog.problem).toBeNull();
  });

  it.each([
    ['{', /not JSON/], ['[]', /not an object/], [{ 'a b': { driver: 'acp' } }, /a name is/], [{ a: {} }, /a has no driver/], [{ a: null }, /a is not an object/],
    [{ fresh: { driver: 'acp', command: ['/bin/f'] }, bad: { driver: 'process' } }, /bad: command is a list of words/],
    [`"${'x'.repeat(1024 * 1024)}"`, /too large/],
  ])('keeps the last good file and says what is wrong: %#', async (content, problem) => {
    await write({ good: { driver: 'acp', command: ['/bin/g'] } });
    await write(content);
    expect(names()).toEqual(['demo', 'good']);
    expect(catalog.problem).toMatch(problem);
    await write({ better: { driver: 'acp', command: ['/bin/b'] } });
    expect([names(), catalog.problem]).toEqual([['demo', 'better'], null]);
  });

  it.each([
    ['a FIFO that nobody writes to', (file: string) => void execFileSync('mkfifo', [file])],
    ['a directory', (file: string) => mkdir(file)],
  ])('is not held up by %s in its place', async (_what, make) => {
    await write({ good: { driver: 'acp', command: ['/bin/g'] } });
    await unlink(join(home, 'providers.json'));
    await make(join(home, 'providers.json'));
    await catalog.refresh();
    expect([names(), catalog.problem]).toEqual([['demo', 'good'], 'providers.json is not a regular file.']);

    await rm(join(home, 'providers.json'), { recursive: true });
    await write({ better: { driver: 'acp', command: ['/bin/b'] } });
    expect([names(), catalog.problem]).toEqual([['demo', 'better'], null]);
  });
});
