/**
 * Loaded into a service before it starts (`node --import`): writes down which of its changes of files were synced, so
 * that a power cut can be made of a `kill -9` (power-cut.ts). Nothing of the service is changed by it. The kernel keeps
 * what a killed process wrote; a machine without power keeps what was synced.
 *
 * ORBITMESH_DISK_TRACE: the directory of the traces, on the file system of the home and not in it. While a file `stall`
 * is there, no sync ends.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { basename, join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const dir = process.env.ORBITMESH_DISK_TRACE;
/** Of what is loaded into every Node.js process of a stack, the services alone are meant. */
const app = /apps[/\\]([\w-]+)[/\\]dist[/\\]main\.(?:bundle\.)?js$/.exec(process.argv[1] ?? '')?.[1];
const STALL_POLL_MS = 5;
/** µs; one clock for all processes of the machine. */
const now = () => Number(process.hrtime.bigint()) / 1_000;

if (dir && app) await record(join(dir, `${app}.trace`), join(dir, 'stall'));

async function record(trace, stallFile) {
  const real = { ...fs.promises, existsSync: fs.existsSync, linkSync: fs.linkSync, writeSync: fs.writeSync, fstatSync: fs.fstatSync };
  const fd = fs.openSync(trace, 'a', 0o600);
  let told = 0;
  let shadows = 0;
  /** @returns its number in this process */
  const tell = (what) => {
    real.writeSync(fd, `${JSON.stringify({ pid: process.pid, n: ++told, at: now(), ...what })}\n`);
    return told;
  };
  /** Another name for what is about to lose this one. */
  const shadowOf = (path) => {
    shadows += 1;
    const shadow = join(dir, `shadow-${basename(path)}-${process.pid}-${shadows}`);
    try {
      real.linkSync(path, shadow);
      return shadow;
    } catch {
      return null; // It was not there.
    }
  };
  const stalled = async () => { while (real.existsSync(stallFile)) await delay(STALL_POLL_MS); };
  const opened = new WeakMap();
  Object.assign(fs.promises, {
    async open(path, flags = 'r', ...rest) {
      const there = real.existsSync(path);
      const handle = await real.open(path, flags, ...rest);
      opened.set(handle, resolve(String(path)));
      const { size } = real.fstatSync(handle.fd);
      if (flags !== 'r') tell({ op: there ? 'open' : 'create', path: resolve(String(path)), size });
      return handle;
    },
    rename: (from, to) => changed({ op: 'rename', from: resolve(from), path: resolve(to), shadow: shadowOf(to) }, () => real.rename(from, to)),
    link: (from, to) => changed({ op: 'link', from: resolve(from), path: resolve(to) }, () => real.link(from, to)),
    unlink: (path) => changed({ op: 'unlink', path: resolve(path), shadow: shadowOf(path) }, () => real.unlink(path)),
    async truncate(path, size = 0) {
      await real.truncate(path, size);
      tell({ op: 'truncate', path: resolve(path), size });
    },
    async mkdir(path, ...rest) {
      const there = real.existsSync(path);
      const made = await real.mkdir(path, ...rest);
      if (!there) tell({ op: 'create', path: resolve(path), directory: true });
      return made;
    },
  });
  async function changed(what, change) {
    const n = tell(what);
    try {
      const result = await change();
      tell({ op: 'done', of: n, path: what.path });
      return result;
    } catch (error) {
      tell({ op: 'failed', of: n, path: what.path });
      throw error;
    }
  }

  const handles = await prototypeOfHandles(real);
  for (const name of ['sync', 'datasync']) {
    const sync = handles[name];
    handles[name] = async function recorded() {
      const path = opened.get(this);
      const state = real.fstatSync(this.fd);
      const upTo = now();
      await stalled();
      await sync.call(this);
      if (path) tell(state.isDirectory() ? { op: 'syncdir', path, upTo } : { op: 'sync', path, size: state.size });
    };
  }
  syncBuiltinESMExports();
}

async function prototypeOfHandles({ open }) {
  const probe = await open('/dev/null');
  await probe.close();
  return Object.getPrototypeOf(probe);
}
