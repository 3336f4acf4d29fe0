/**
 * Loaded into a service before it starts (`node --import`): makes the disk of its home a bad one, for this service alone.
 * A file system with files open for writing is not remounted, and one that an error has closed does not open again.
 *
 * ORBITMESH_BAD_DISK: a directory. While a file `read-only` is in it nothing can be changed in the home (EROFS); while
 * `sync-ms` is in it a sync takes as many ms as it says.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join, resolve, sep } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const { ORBITMESH_BAD_DISK: dir, ORBITMESH_HOME: home } = process.env;
/** Of what is loaded into every Node.js process of a stack, the services alone are meant. */
const isService = /apps[/\\][\w-]+[/\\]dist[/\\]main\.(?:bundle\.)?js$/.test(process.argv[1] ?? '');

/** The changes of a path, by the argument that says which. */
const PATH_CHANGES = { appendFile: 0, chmod: 0, link: 1, mkdir: 0, mkdtemp: 0, rename: 1, rm: 0, rmdir: 0, symlink: 1, truncate: 0, unlink: 0, utimes: 0, writeFile: 0 };
const HANDLE_CHANGES = ['write', 'writev', 'writeFile', 'appendFile', 'truncate', 'chmod', 'utimes'];
const FD_CHANGES = ['writeSync', 'writevSync', 'ftruncateSync', 'fchmodSync'];
const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants;

if (dir && home && isService) await makeBad(join(dir, 'read-only'), join(dir, 'sync-ms'), resolve(home) + sep);

async function makeBad(readOnlyFile, syncFile, inHome) {
  const real = { ...fs, promises: { ...fs.promises } };
  /** What is open, by its descriptor or its handle. */
  const paths = new Map();

  /** What is not there is told as that, and a FIFO is no part of its file system. */
  const refuse = (call, path, isNew) => {
    if (path === undefined || !resolve(String(path)).startsWith(inHome) || !real.existsSync(readOnlyFile)) return;
    const found = real.lstatSync(path, { throwIfNoEntry: false });
    if (found ? found.isFIFO() || (isNew && found.isDirectory()) : !isNew) return;
    throw Object.assign(new Error(`EROFS: read-only file system, ${call} '${path}'`), { code: 'EROFS', errno: -30, syscall: call, path: String(path) });
  };
  const refuseOpening = (path, flags = 'r') => {
    if (typeof flags === 'number' ? flags & (O_WRONLY | O_RDWR | O_CREAT) : flags !== 'r') refuse('open', path, true);
  };

  for (const [name, at] of Object.entries(PATH_CHANGES)) {
    const refuseChange = (args) => refuse(name, paths.get(args[at]) ?? args[at], !['rm', 'rmdir', 'unlink', 'chmod', 'utimes', 'truncate'].includes(name));
    fs.promises[name] = async (...args) => {
      refuseChange(args);
      return real.promises[name](...args);
    };
    fs[`${name}Sync`] = (...args) => {
      refuseChange(args);
      return real[`${name}Sync`](...args);
    };
  }
  for (const name of FD_CHANGES) {
    fs[name] = (fd, ...rest) => {
      refuse(name, paths.get(fd), true);
      return real[name](fd, ...rest);
    };
  }
  fs.openSync = (path, flags, ...rest) => {
    refuseOpening(path, flags);
    const fd = real.openSync(path, flags, ...rest);
    paths.set(fd, path);
    return fd;
  };
  fs.closeSync = (fd) => {
    paths.delete(fd);
    real.closeSync(fd);
  };
  fs.fsyncSync = (fd) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, msIn(syncFile));
    real.fsyncSync(fd);
  };
  const opened = new WeakMap();
  fs.promises.open = async (path, flags, ...rest) => {
    refuseOpening(path, flags);
    const handle = await real.promises.open(path, flags, ...rest);
    opened.set(handle, path);
    return handle;
  };

  const handles = await prototypeOfHandles(real.promises);
  for (const name of HANDLE_CHANGES) {
    const change = handles[name];
    handles[name] = async function refused(...args) {
      refuse(name, opened.get(this), true);
      return change.apply(this, args);
    };
  }
  for (const name of ['sync', 'datasync']) {
    const sync = handles[name];
    handles[name] = async function slow() {
      await delay(msIn(syncFile));
      await sync.call(this);
    };
  }
  syncBuiltinESMExports();
}

function msIn(file) {
  try {
    return Number(fs.readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

async function prototypeOfHandles({ open }) {
  const probe = await open('/dev/null');
  await probe.close();
  return Object.getPrototypeOf(probe);
}
