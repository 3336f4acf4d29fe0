import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

const TOOL = new URL('../../../tools/nats-server.mjs', import.meta.url);
/** Runs the tool with the commands of `bin` and no others, looking for nats-server nowhere else. */
const SCRIPT = `import(${JSON.stringify(TOOL.href)}).then(async ({ ensureNatsServer }) => {
  const [cache, platform] = process.argv.slice(1);
  console.log(await ensureNatsServer(cache, { places: [], platform }));
}).catch((error) => { console.log(error.message); process.exitCode = 1; });`;
const SERVER = '#!/bin/sh\necho "nats-server: v2.9.10"\n';

let dir: string;
let bin: string;
let cache: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'om-tool-'));
  [bin, cache] = [join(dir, 'bin'), join(dir, 'cache')];
  await mkdir(bin);
});
afterEach(async () => { await rm(dir, { recursive: true, force: true }); });

async function command(name: string, script: string): Promise<void> {
  await writeFile(join(bin, name), script);
  await chmod(join(bin, name), 0o755);
}
/** A Debian: `apt-get download` works with fresh lists only; every call is noted. */
async function debian(options: { listsFresh: boolean; updateWorks?: boolean; binary?: string }): Promise<void> {
  await writeFile(join(dir, 'server'), options.binary ?? SERVER);
  await command('apt-get', `#!/bin/sh
echo "$*" >> ${dir}/calls
case "$*" in
  *update*) ${options.updateWorks === false ? 'echo "E: no network" >&2; exit 100' : `: > ${dir}/fresh`} ;;
  *download*) ${options.listsFresh ? '' : `case "$*" in *Dir::State::Lists*) [ -e ${dir}/fresh ] ;; *) false ;; esac || { echo "E: Unable to locate package" >&2; exit 100; }`}
    : > nats-server_2.9.10_amd64.deb ;;
esac
`);
  await command('dpkg-deb', `#!/bin/sh\n[ "$1" = --version ] && exit 0\n/bin/mkdir -p "$3/usr/sbin" && /bin/cp ${dir}/server "$3/usr/sbin/nats-server" && /bin/chmod 700 "$3/usr/sbin/nats-server"\n`);
}
function ensure(platform = 'linux'): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['-e', SCRIPT, cache, platform], { env: { PATH: bin } }, (error, stdout) => resolve({ code: error ? 1 : 0, out: stdout.trim() }));
  });
}
const calls = async () => (await readFile(join(dir, 'calls'), 'utf8')).split('\n').filter((line) => line !== '' && line !== '--version');

describe('ensureNatsServer', () => {
  it('takes the one on PATH', async () => {
    await command('nats-server', SERVER);
    await debian({ listsFresh: true });

    expect(await ensure()).toEqual({ code: 0, out: join(bin, 'nats-server') });
    expect(await readdir(dir)).not.toContain('cache');
  });

  it('passes over one that does not run', async () => {
    await command('nats-server', '#!/bin/sh\nexit 126\n');
    await debian({ listsFresh: true });

    expect(await ensure()).toEqual({ code: 0, out: join(cache, 'nats-server') });
  });

  it('downloads and unpacks the Debian package, never installs it, and takes it from the cache afterwards', async () => {
    await debian({ listsFresh: true });

    expect(await ensure()).toEqual({ code: 0, out: join(cache, 'nats-server') });
    expect(await readdir(cache)).toEqual(['nats-server']);
    expect((await calls()).length).toBe(1);
    expect(await ensure()).toEqual({ code: 0, out: join(cache, 'nats-server') });
    expect((await calls()).join('\n')).not.toMatch(/install/);
    expect((await calls()).length).toBe(1);
  });

  it('fetches lists of its own when the system\'s are missing or old', async () => {
    await debian({ listsFresh: false });

    expect((await ensure()).code).toBe(0);
    expect((await calls()).map((line) => /update|download/.exec(line)?.[0])).toEqual(['download', 'update', 'download']);
    expect((await calls())[1]).toContain(`Dir::State::Lists=${cache}`);
  });

  it('may be called by several at once, also beside what a killed one left', async () => {
    await debian({ listsFresh: true });
    await mkdir(join(cache, 'tmp-999999999-dead'), { recursive: true });

    const all = await Promise.all([ensure(), ensure(), ensure()]);

    expect(all).toEqual(Array(3).fill({ code: 0, out: join(cache, 'nats-server') }));
    expect(await readdir(cache)).toEqual(['nats-server']);
  });

  it.each([
    ['there is no network', () => debian({ listsFresh: false, updateWorks: false }), 'no network'],
    ['the package holds nothing that runs', () => debian({ listsFresh: true, binary: '#!/bin/sh\nexit 1\n' }), 'no nats-server that runs'],
    ['this is no Debian', () => Promise.resolve(), 'no Debian-like system'],
  ])('says what to do when %s, and leaves nothing behind', async (_when, prepare, reason) => {
    await prepare();

    const { code, out } = await ensure();

    expect(code).toBe(1);
    expect(out).toContain(reason);
    expect(out).toContain('ORBITMESH_NATS_URL');
    expect(await readdir(cache).catch(() => [])).toEqual([]);
  });

  it('asks brew on macOS', async () => {
    await command('brew', `#!/bin/sh\necho "$*" > ${dir}/brewed\n`);

    expect((await ensure('darwin')).out).toContain('not in a usual place');
    expect((await readFile(join(dir, 'brewed'), 'utf8')).trim()).toBe('install nats-server');
  });
});
