import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { programPath } from '../process/wrapper.js';
import { ProvidersFile } from '../providers/providers-file.js';
import { Slot } from '../runner/slot.js';
import { tempDir } from '../testing/temp-dir.js';
import { resolveSecrets } from './secrets.js';
import { isWithin, resolveWorkingDir } from './working-dir.js';

let dir: ReturnType<typeof tempDir>;
const at = (...names: string[]): string => join(dir.path, ...names);
beforeEach(() => { dir = tempDir(); });
afterEach(() => dir.remove());

/** What must never be opened and waited for. */
const notRegular: [string, (path: string) => void][] = [
  ['a FIFO', (path) => void execFileSync(programPath('mkfifo', true), [path])],
  ['a directory', (path) => mkdirSync(path)],
  ['a device', (path) => symlinkSync('/dev/zero', path)],
  ['a link to a FIFO', (path) => {
    execFileSync(programPath('mkfifo', true), [`${path}.fifo`]);
    symlinkSync(`${path}.fifo`, path);
  }],
  ['a link to itself', (path) => symlinkSync(path, path)],
  ['a file that is too large', (path) => {
    writeFileSync(path, '');
    truncateSync(path, 2 * 1024 * 1024);
  }],
];

describe('resolveWorkingDir', () => {
  beforeEach(() => {
    for (const name of ['root', 'root/work', 'rooted', 'home', 'home/inside']) mkdirSync(at(name));
    writeFileSync(at('root/file'), '');
    symlinkSync(at('rooted'), at('root/escape'));
    symlinkSync(at('root/work'), at('link'));
  });
  const resolve = (path: string, roots = [at('root'), at('home')]): string => resolveWorkingDir(path, roots, at('home'));

  it('takes a directory inside a root, or the root itself, by its real path', () => {
    expect(resolve(at('root'))).toBe(at('root'));
    expect(resolve(at('root/work/../work'))).toBe(at('root/work'));
    expect(resolve(at('link'))).toBe(at('root/work'));
  });

  it.each([
    ['relative', () => 'root', 'is not an absolute path'],
    ['missing', () => at('root/none'), 'does not exist'],
    ['a file', () => at('root/file'), 'is not a directory'],
    ['below a file', () => at('root/file/x'), 'does not exist'],
    ['beside a root of the same beginning', () => at('rooted'), 'is outside the allowed roots'],
    ['a link that leads out', () => at('root/escape'), 'is outside the allowed roots'],
    ['inside the home', () => at('home/inside'), 'is inside the home of OrbitMesh'],
    ['above the home, whatever its roots are', () => dir.path, 'has the home of OrbitMesh in it'],
    ['with a NUL', () => at('root/work\0x'), 'is not an absolute path'],
  ])('refuses one that is %s', (_what, path, reason) => {
    expect(() => resolve(path())).toThrow(expect.objectContaining({ code: 'WORKING_DIR_INVALID', details: expect.objectContaining({ reason }) }));
  });

  it('knows a directory by any of its names, and what is below and above it', () => {
    symlinkSync(at('home'), at('other-name'));
    expect([isWithin(at('other-name/inside'), at('home')), isWithin(at('home/inside'), at('other-name')), isWithin(at('root'), at('home')), isWithin(at('home'), at('none'))]).toEqual([true, true, false, false]);
  });
});

describe('resolveSecrets', () => {
  beforeEach(() => {
    mkdirSync(at('home'));
    writeFileSync(at('home/admin.token'), 'the-admin-token');
  });
  const sources = (processEnv = {}) => ({ processEnv, home: at('home') });

  it('reads the environment and files, without the line end of a file', () => {
    writeFileSync(at('key'), 'from-file\n');

    expect(resolveSecrets({ A: 'env:X', B: `file:${at('key')}` }, sources({ X: 'from-env' }))).toEqual({ A: 'from-env', B: 'from-file' });
  });

  it.each(['env:MISSING', 'file:relative', 'file:/nowhere/key', 'plain-value', ''])('refuses %p by the name of the secret, never by a value', (reference) => {
    expect(() => resolveSecrets({ A: reference }, sources())).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('The secret A') }));
  });

  it.each([
    ['a file of ours', () => at('home/admin.token')],
    ['a path that leads into our home', () => at('work/../home/admin.token')],
    ['a link to a file of ours', () => at('link')],
    ['a way through a linked directory', () => at('work/home/admin.token')],
  ])('refuses %s', (_what, path) => {
    mkdirSync(at('work'));
    symlinkSync(at('home/admin.token'), at('link'));
    symlinkSync(at('home'), at('work/home'));

    expect(() => resolveSecrets({ A: `file:${path()}` }, sources())).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('inside the home of OrbitMesh') }));
  });

  it('knows its home by its real path too', () => {
    symlinkSync(at('home'), at('also-home'));

    expect(() => resolveSecrets({ A: `file:${at('home/admin.token')}` }, { processEnv: {}, home: at('also-home') })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });

  it.each(notRegular)('refuses %s, without waiting for it', (_what, make) => {
    make(at('key'));

    expect(() => resolveSecrets({ A: `file:${at('key')}` }, sources())).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('ProvidersFile', () => {
  const demo = { driver: 'acp', command: ['/demo'] };
  const write = (text: string): void => writeFileSync(at('providers.json'), text);

  it('has the demo, and follows the file as it comes, changes and goes', async () => {
    const file = new ProvidersFile(dir.path, demo);
    expect(file.get('demo')).toEqual(demo);
    expect(file.get('mine')).toBeUndefined();

    write(JSON.stringify({ mine: { driver: 'process', command: ['/bin/true', 'x'], env: { A: 'b' }, custom: { freeze: true } } }));
    expect(file.get('mine')).toEqual({ driver: 'process', command: ['/bin/true', 'x'], env: { A: 'b' }, custom: { freeze: true } });
    write(JSON.stringify({ demo: { driver: 'process', command: ['/bin/false'] } }));

    expect(file.get('mine')).toBeUndefined();
    expect(file.get('demo')?.command).toEqual(['/bin/false']);
  });

  it.each([
    ['not JSON', '{'],
    ['a list', '[]'],
    ['a relative command', '{"x":{"driver":"process","command":["true"]}}'],
    ['a command that is a string', '{"x":{"driver":"process","command":"/bin/true"}}'],
    ['an unknown key', '{"x":{"driver":"process","command":["/bin/true"],"shell":true}}'],
    ['a name that is none', '{"../x":{"driver":"process","command":["/bin/true"]}}'],
    ['an environment of other things', '{"x":{"driver":"process","command":["/bin/true"],"env":{"A":1}}}'],
  ])('keeps the last good file when the new one is %s, and says why', (_what, text) => {
    const file = new ProvidersFile(dir.path, demo);
    write('{"good":{"driver":"process","command":["/bin/true"]}}');
    expect(file.get('good')).toBeDefined();

    write(text);

    expect(file.get('good')).toBeDefined();
    expect(file.problem).toMatch(/^providers\.json/);
  });
});

describe('ProvidersFile that is no regular file', () => {
  it.each(notRegular)('keeps the last good entries for %s, says why, and takes the next good file', (_what, make) => {
    const path = at('providers.json');
    const file = new ProvidersFile(dir.path, { driver: 'acp', command: ['/demo'] });
    writeFileSync(path, '{"good":{"driver":"process","command":["/bin/true"]}}');
    expect(file.get('good')).toBeDefined();
    rmSync(path);

    make(path);

    expect(file.get('good')).toBeDefined();
    expect(file.problem).toMatch(/^providers\.json/);
    rmSync(path, { recursive: true });
    writeFileSync(path, '{"better":{"driver":"process","command":["/bin/true"]}}');
    expect(file.get('better')).toBeDefined();
    expect(file.problem).toBeNull();
  });
});

describe('Slot', () => {
  it('is the first that nobody holds, and the same one again once it is free', async () => {
    const first = await Slot.take(dir.path);
    const second = await Slot.take(dir.path);
    expect([first.runnerId, second.runnerId]).toEqual(['slot-0', 'slot-1']);

    await first.release();
    const third = await Slot.take(dir.path);

    expect(third.runnerId).toBe('slot-0');
    await second.release();
    await third.release();
  });
});
