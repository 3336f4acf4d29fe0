import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { chmod, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile, lstat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { providerEntriesOf, READY_MADE_PROVIDERS } from '@orbitmesh/domain';
import { cliIn, TestHome, type Ran } from '../testing/test-home.js';

let home: string;
let bin: string;
beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), 'om-cli-')));
  bin = join(home, 'bin');
  await mkdir(bin);
});
afterEach(() => rm(home, { recursive: true }));

const run = (args: string[], env: NodeJS.ProcessEnv = {}): Promise<Ran> => cliIn(home, ['provider', ...args], { env: { PATH: bin, HOME: home, ...env } });
const program = async (name: string, text = '#!/bin/sh\necho 1.2.3\n'): Promise<string> => {
  await writeFile(join(bin, name), text);
  await chmod(join(bin, name), 0o755);
  return join(bin, name);
};
const file = () => join(home, 'providers.json');
const written = async () => JSON.parse(await readFile(file(), 'utf8')) as Record<string, { command: string[]; env?: object; secrets?: object; custom?: object }>;

describe('provider add', () => {
  it('writes an entry for the program on PATH, for its owner alone, and says what is missing', async () => {
    const path = await program('gemini');
    const { code, out, err } = await run(['add', 'gemini']);
    expect(code).toBe(0);
    expect(out).toBe(`gemini: added (Gemini CLI 1.2.3; ${path} --acp)\n`);
    expect(err).toContain('--secret GEMINI_API_KEY=env:GEMINI_API_KEY');
    expect(await written()).toEqual({ gemini: { driver: 'acp', command: [path, '--acp'], custom: { acp: { preset: 'gemini' } } } });
    expect((await stat(file())).mode & 0o777).toBe(0o600);
    expect((await readdir(home)).filter((name) => name.startsWith('providers.json'))).toEqual(['providers.json']);
  });

  it.each(READY_MADE_PROVIDERS.map(({ name }) => name))('%s is an entry that can be read again', async (name) => {
    await program(READY_MADE_PROVIDERS.find((one) => one.name === name)!.program);
    expect((await run(['add', name])).code).toBe(0);
    expect(providerEntriesOf(await written()).map(([added]) => added)).toEqual([name]);
  });

  it('starts a script of Node\'s by this Node, which an agent\'s PATH may not have', async () => {
    const path = await program('codex', "#!/usr/bin/env node\nconsole.log('codex-cli 9.9.9')\n");
    expect((await run(['add', 'codex', '--json'])).out).toContain('"version":"codex-cli 9.9.9"');
    expect((await written())['codex'].command).toEqual([process.execPath, path]);
  });

  it('takes a program from anywhere, a name, secrets by reference and plain variables', async () => {
    const path = await program('elsewhere');
    const { code, err } = await run(['add', 'claude-code', '--command', path, '--name', 'work', '-s', 'ANTHROPIC_API_KEY=env:MY_KEY', '-e', 'LEVEL=2']);
    expect(code).toBe(0);
    expect(err).toContain('MY_KEY is not set here');
    expect(err).not.toContain('has no key');
    expect(await written()).toEqual({ work: { driver: 'claude-code', command: [path], env: { LEVEL: '2' }, secrets: { ANTHROPIC_API_KEY: 'env:MY_KEY' } } });
  });

  it('shares the user\'s own login where he wants it', async () => {
    await program('codex');
    const { err } = await run(['add', 'codex', '--login']);
    expect(err).toContain('codex login');
    expect((await written())['codex'].env).toEqual({ CODEX_HOME: join(home, '.codex') });
    await run(['add', 'codex', '--login', '--force'], { CODEX_HOME: bin });
    expect((await written())['codex'].env).toEqual({ CODEX_HOME: bin });
  });

  it('keeps the other entries and their order, and replaces one only when told to', async () => {
    const path = await program('qwen');
    await writeFile(file(), JSON.stringify({ z: { driver: 'process', command: ['/bin/true'] }, qwen: { driver: 'acp', command: ['/old'] }, a: { driver: 'process', command: ['/bin/true'], env: { X: '1' } } }));
    expect(await run(['add', 'qwen'])).toMatchObject({ code: 4, err: expect.stringContaining('--force') });
    expect((await run(['add', 'qwen', '--force'])).code).toBe(0);
    const entries = await written();
    expect(Object.keys(entries)).toEqual(['z', 'qwen', 'a']);
    expect([entries['qwen'].command, entries['a']]).toEqual([[path, '--acp'], { driver: 'process', command: ['/bin/true'], env: { X: '1' } }]);
  });

  it('loses none of those that are added at once, and follows a link', async () => {
    await program('gemini');
    const real = join(home, 'elsewhere.json');
    await writeFile(real, '{}');
    await symlink(real, file());
    const names = ['one', 'two', 'three', 'four'];
    expect((await Promise.all(names.map((name) => run(['add', 'gemini', '--name', name])))).map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(Object.keys(JSON.parse(await readFile(real, 'utf8')) as object).sort()).toEqual([...names].sort());
    expect((await lstat(file())).isSymbolicLink()).toBe(true);
  });

  it.each([
    ['a secret by value', ['add', 'gemini', '-e', 'GEMINI_API_KEY=abc-very-secret'], 2, '--secret GEMINI_API_KEY=env:GEMINI_API_KEY'],
    ['a secret that is no reference', ['add', 'gemini', '-s', 'GEMINI_API_KEY=abc-very-secret'], 2, '--secret GEMINI_API_KEY=file:/path'],
    ['the name of the built-in one', ['add', 'gemini', '--name', 'demo'], 6, 'built in'],
    ['a name that is none', ['add', 'gemini', '--name', '../x'], 2, 'letters, digits'],
    ['an agent nobody knows', ['add', 'nobody'], 2, 'Allowed choices'],
    ['a program that is not on PATH', ['add', 'copilot'], 3, 'npm install -g @github/copilot'],
    ['a path that is not absolute', ['add', 'gemini', '--command', 'gemini'], 2, 'no absolute path'],
    ['a program that cannot be started', ['add', 'gemini', '--command', '/etc'], 3, 'no program'],
  ])('refuses %s, with the remedy, and writes nothing', async (_what, args, code, says) => {
    await program('gemini');
    const ran = await run(args);
    expect(ran).toMatchObject({ code, err: expect.stringContaining(says) });
    expect(ran.err).not.toContain('abc-very-secret');
    await expect(written()).rejects.toThrow('ENOENT');
  });

  it.each([['{', 'not JSON'], ['[]', 'not an object of entries'], ['{"x": {}}', 'x has no driver'], ['{"x": {"driver": "acp", "command": ["rel"]}}', 'absolute path']])('puts nothing into the broken file %s', async (text, says) => {
    await program('gemini');
    await writeFile(file(), text);
    for (const args of [['add', 'gemini'], ['remove', 'x'], ['detect']]) expect(await run(args)).toMatchObject({ code: 1, err: expect.stringContaining(says) });
    expect(await readFile(file(), 'utf8')).toBe(text);
  });

  it('is not for agents, and not for another machine', async () => {
    await program('gemini');
    for (const env of [{ ORBITMESH_SESSION_ID: 'sess_1' }, { ORBITMESH_API_URL: 'http://127.0.0.1:1', ORBITMESH_TOKEN: 't' }]) expect((await run(['add', 'gemini'], env)).code).toBe(6);
    await expect(written()).rejects.toThrow('ENOENT');
  });
});

describe('provider remove', () => {
  it('takes an entry out, and no other', async () => {
    await writeFile(file(), JSON.stringify({ a: { driver: 'process', command: ['/bin/true'] }, b: { driver: 'process', command: ['/bin/true'] } }));
    expect(await run(['remove', 'a'])).toMatchObject({ code: 0, out: 'a: removed; its sessions go on\n' });
    expect(Object.keys(await written())).toEqual(['b']);
    expect(await run(['remove', 'a'])).toMatchObject({ code: 3, err: expect.stringContaining('There are: b') });
  });
});

describe('provider detect', () => {
  it('says of every agent where it is, which version, and which provider starts it', async () => {
    await program('gemini');
    await run(['add', 'gemini', '--name', 'mine']);
    const { code, out } = await run(['detect', '--json']);
    expect(code).toBe(0);
    const found = out.trim().split('\n').map((line) => JSON.parse(line) as { name: string; path: string | null; version: string | null; entries: string[] });
    expect(found.map(({ name }) => name)).toEqual(READY_MADE_PROVIDERS.map(({ name }) => name));
    expect(found.filter(({ path }) => path !== null)).toMatchObject([{ name: 'gemini', path: join(bin, 'gemini'), version: '1.2.3', entries: ['mine'] }]);
    expect((await run(['detect'])).out).toMatch(/^gemini +Gemini CLI +1\.2\.3 +0\.61\.0 .*mine$/m);
  });
});

describe('provider list', () => {
  it('says that providers.json is broken, and how there would be more than the built-in one', async () => {
    const scripted = await TestHome.make();
    try {
      scripted.api.on('GET /api/providers*', [200, { items: [{ name: 'demo', driver: 'acp', installed: true, version: '1', detail: null, capabilities: {} }], nextCursor: null }]);
      expect((await cliIn(scripted.dir, ['provider', 'list'])).err).toContain('orbitmesh provider add AGENT');
      await writeFile(join(scripted.dir, 'providers.json'), '{"x": {}}');
      const { code, err } = await cliIn(scripted.dir, ['provider', 'list', '--json']);
      expect({ code, note: (JSON.parse(err) as { note: string }).note }).toEqual({ code: 0, note: expect.stringContaining('providers.json cannot be used: x has no driver.') });
    } finally {
      await scripted.remove();
    }
  });
});
