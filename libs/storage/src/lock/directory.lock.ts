import { randomBytes } from 'node:crypto';
import { chmodSync, linkSync, lstatSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@orbitmesh/domain';
import { LOCK_ANSWER_MS, LOCK_ATTEMPTS_MAX, SOCKET_PATH_BYTES_MAX } from '../limits.js';

/** Who holds a lock, as it tells itself. */
export interface LockHolder {
  pid: number;
  /** RFC 3339. */
  since: string;
}

const NAME = /^\.lock\.(\d+)\.sock$/;

/**
 * One writer a directory, by a listening Unix socket: the kernel closes it when its process ends in
 * whatever way, so there is no clock, no pid that may be reused, and it works between containers
 * that share the volume.
 *
 * The sockets are numbered, `.lock.<n>.sock`. A process takes the lock by linking its own, already
 * listening socket as the number after the highest one, which must be dead (a dead socket never
 * comes to life again); `link` lets only one of several do that. The highest number is never
 * removed, not even by a release; only its successor removes it. So a process that was slow cannot
 * take away or bypass a lock that came after what it saw: after linking it finds a higher number.
 */
export class DirectoryLock {
  private readonly inode: number;

  private constructor(
    private readonly server: Server,
    /** The socket of this lock; for tests and for people who look. */
    readonly path: string,
  ) {
    this.inode = lstatSync(path).ino;
  }

  /** False when somebody took the socket's file away: then another process may have the directory. */
  held(): boolean {
    return lstatSync(this.path, { throwIfNoEntry: false })?.ino === this.inode;
  }

  /** @throws STORAGE_LOCKED with `{dir, pid, since}` of the process that holds the directory. */
  static async acquire(dir: string): Promise<DirectoryLock> {
    const near = reachable(dir);
    try {
      const temporary = `.lock.${process.pid}.${randomBytes(6).toString('hex')}.new`;
      const server = await listen(join(near.dir, temporary));
      chmodSync(join(dir, temporary), 0o600);
      try {
        return new DirectoryLock(server, await take(dir, near.dir, temporary));
      } catch (error) {
        server.close();
        throw error;
      } finally {
        rmSync(join(dir, temporary), { force: true });
      }
    } finally {
      near.release();
    }
  }

  /** Who holds the directory: `silent` when its process does not answer, null when nobody does. Takes nothing. */
  static async holderOf(dir: string): Promise<LockHolder | 'silent' | null> {
    const highest = highestNumber(dir);
    if (highest === 0) return null;
    const near = reachable(dir);
    try {
      await assertDead(dir, join(near.dir, `.lock.${highest}.sock`));
      return null;
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      const { pid, since } = error.details as Partial<LockHolder>;
      return pid === undefined || since === undefined ? 'silent' : { pid, since };
    } finally {
      near.release();
    }
  }

  /** The socket's file stays and says nothing: whoever comes next sees that nobody listens. */
  async release(): Promise<void> {
    await new Promise<void>((done) => this.server.close(() => done()));
  }
}

async function take(dir: string, near: string, temporary: string): Promise<string> {
  for (let attempt = 0; attempt < LOCK_ATTEMPTS_MAX; attempt += 1) {
    const highest = highestNumber(dir);
    if (highest > 0) await assertDead(dir, join(near, `.lock.${highest}.sock`));
    const mine = join(dir, `.lock.${highest + 1}.sock`);
    if (!linkedExclusively(join(dir, temporary), mine)) continue;
    if (highestNumber(dir) === highest + 1) {
      removeBelow(dir, highest + 1);
      return mine;
    }
    rmSync(mine, { force: true });
    await delay(Math.random() * 10);
  }
  throw new AppError('STORAGE_LOCKED', `Too many processes try to take ${dir} at once.`, { dir });
}

function linkedExclusively(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function numbers(dir: string): number[] {
  return readdirSync(dir).flatMap((name) => {
    const match = NAME.exec(name);
    return match === null ? [] : [Number(match[1])];
  });
}

function highestNumber(dir: string): number {
  return Math.max(0, ...numbers(dir));
}

function removeBelow(dir: string, number: number): void {
  for (const lower of numbers(dir)) {
    if (lower < number) rmSync(join(dir, `.lock.${lower}.sock`), { force: true });
  }
}

function listen(path: string): Promise<Server> {
  const holder: LockHolder = { pid: process.pid, since: new Date().toISOString() };
  const server = createServer((socket) => {
    // A client that goes away before it has read the answer is of no interest.
    socket.on('error', () => undefined);
    socket.end(JSON.stringify(holder));
  });
  server.unref();
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve(server));
  });
}

/** Resolves when nobody listens any more. @throws STORAGE_LOCKED when somebody does, even one that is stopped. */
function assertDead(dir: string, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    const socket = connect(path);
    const held = (): void => {
      socket.destroy();
      reject(lockedError(dir, said));
    };
    socket.setTimeout(LOCK_ANSWER_MS, held);
    socket.on('data', (chunk) => (said += chunk.toString()));
    socket.once('end', held);
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve();
      else if (error.code === 'EAGAIN' || error.code === 'ECONNRESET') held();
      else reject(error);
    });
  });
}

function lockedError(dir: string, said: string): AppError {
  try {
    const { pid, since } = JSON.parse(said) as LockHolder;
    return new AppError('STORAGE_LOCKED', `${dir} is held by process ${pid} since ${since}.`, { dir, pid, since });
  } catch {
    return new AppError('STORAGE_LOCKED', `${dir} is held by a process that does not answer.`, { dir });
  }
}

/** A path to the directory that is short enough for a socket's address. */
function reachable(dir: string): { dir: string; release(): void } {
  const longest = join(dir, `.lock.${process.pid}.${'0'.repeat(12)}.new`);
  if (Buffer.byteLength(longest) <= SOCKET_PATH_BYTES_MAX) return { dir, release: () => undefined };
  const base = Buffer.byteLength(tmpdir()) <= 40 ? tmpdir() : '/tmp';
  const link = mkdtempSync(join(base, 'om-'));
  symlinkSync(dir, join(link, 'd'), 'dir');
  return { dir: join(link, 'd'), release: () => rmSync(link, { recursive: true, force: true }) };
}
