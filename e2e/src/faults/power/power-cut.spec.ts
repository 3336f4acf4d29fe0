import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Chance, eventually } from '@orbitmesh/testing';
import { cutPower, recorded, stallFile } from './power-cut.js';

/** With this seed nothing unsynced survives. */
const ALL_LOST = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((seed) => new Chance(seed).oneIn(2))!;
const dirs: string[] = [];
afterEach(() => { for (const dir of dirs.splice(0)) rmSync(dir, { recursive: true, force: true }); });

/** What a service does in its directory `home`, killed right after it. */
async function killedAfter(...programs: string[]): Promise<{ home: string; trace: string }> {
  const root = mkdtempSync(join(tmpdir(), 'om-power-'));
  dirs.push(root);
  const [home, trace, dist] = [join(root, 'home'), join(root, 'trace'), join(root, 'apps/one/dist')];
  for (const dir of [home, trace, dist]) mkdirSync(dir, { recursive: true });
  for (const program of programs) {
    writeFileSync(join(dist, 'main.js'), `const { open, rename, unlink, mkdir } = require('node:fs/promises');
      const write = async (path, text, flags = 'w') => { const file = await open(path, flags); await file.write(text); return file; };
      const syncDir = async (path) => { const dir = await open(path); await dir.sync(); await dir.close(); };
      (async () => { ${program} })().then(() => { console.log('done'); setInterval(() => {}, 1000); });`);
    const child = spawn(process.execPath, [join(dist, 'main.js')], { cwd: home, env: { ...process.env, ...recorded(trace) }, stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  return { home, trace };
}
const cut = (trace: string): ReturnType<typeof cutPower> => cutPower(trace, new Chance(ALL_LOST));

describe('a power cut', () => {
  it('leaves what was synced, file and directory, and of a file what came before its last sync', async () => {
    const { home, trace } = await killedAfter("const file = await write('kept', 'synced '); await file.sync(); await syncDir('.'); await file.write('lost');");
    expect(cut(trace)).toEqual({ entries: 0, bytes: 4 });
    expect(readFileSync(join(home, 'kept'), 'utf8')).toBe('synced ');
  });

  it('takes a new file whose directory was not synced, though the file was', async () => {
    const { home, trace } = await killedAfter("await (await write('file', 'synced')).sync();");
    expect(cut(trace).entries).toBe(1);
    expect(existsSync(join(home, 'file'))).toBe(false);
  });

  it('undoes a replacement without a sync of the directory, and empties one without a sync of the file', async () => {
    const old = "for (const name of ['a', 'b']) await (await write(name, 'old')).sync(); await syncDir('.');";
    const { home, trace } = await killedAfter(old, `await (await write('a.new', 'new')).sync(); await rename('a.new', 'a');`);
    cut(trace);
    expect([readFileSync(join(home, 'a'), 'utf8'), existsSync(join(home, 'a.new'))]).toEqual(['old', false]);

    const other = await killedAfter(old, `await write('b.new', 'new'); await rename('b.new', 'b'); await syncDir('.');`);
    cut(other.trace);
    expect(readFileSync(join(other.home, 'b'), 'utf8')).toBe('');
  });

  it('brings back what was removed without a sync of the directory, and not what was removed for good', async () => {
    const { home, trace } = await killedAfter(
      "for (const name of ['a', 'b']) await (await write(name, name)).sync(); await syncDir('.');", "await unlink('a'); await syncDir('.'); await unlink('b');",
    );
    cut(trace);
    expect([existsSync(join(home, 'a')), readFileSync(join(home, 'b'), 'utf8')]).toEqual([false, 'b']);
  });

  it('takes a directory that was not synced into its parent, with all that is in it', async () => {
    const { home, trace } = await killedAfter("await mkdir('sub'); await (await write('sub/file', 'x')).sync(); await syncDir('sub');");
    cut(trace);
    expect(existsSync(join(home, 'sub'))).toBe(false);
  });

  it('counts as covered what a killed process began and the next one synced', async () => {
    const { home, trace } = await killedAfter("await (await write('file', 'x')).sync();", "await syncDir('.'); await (await open('file', 'a')).sync();");
    expect(cut(trace)).toEqual({ entries: 0, bytes: 0 });
    expect(readFileSync(join(home, 'file'), 'utf8')).toBe('x');
  });

  it('leaves what another one made, where this one tried to make the same', async () => {
    const { home, trace } = await killedAfter(
      "const { link } = require('node:fs/promises'); await (await write('one', 'one')).sync(); await link('one', 'both'); await syncDir('.');",
      "const { link } = require('node:fs/promises'); await (await write('two', 'two')).sync(); await link('two', 'both').catch(() => {});",
    );
    cut(trace);
    expect(readFileSync(join(home, 'both'), 'utf8')).toBe('one');
  });

  it('finds no sync that ends while the disk stalls', async () => {
    const { home, trace } = await killedAfter(`require('node:fs').writeFileSync(${'process.env.ORBITMESH_DISK_TRACE'} + '/stall', '');
      const file = await write('file', 'x'); void file.sync().then(() => require('node:fs').writeFileSync('ended', ''));`);
    expect(existsSync(stallFile(trace))).toBe(true);
    await eventually(() => existsSync(join(home, 'file')), { what: 'the file' });
    expect(existsSync(join(home, 'ended'))).toBe(false);
    cut(trace);
    expect(existsSync(join(home, 'file'))).toBe(false);
  });
});
