import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { SCAN_REST_FACTOR } from '../limits.js';
import { ProcessScan } from './process-scan.js';
import { MarkReader, type RunMark } from './run-mark.js';
import { SharedWork } from './shared-work.js';

/** A process that cannot be mistaken for a later one with the same pid. */
export interface ProcessIdentity {
  pid: number;
  /** Opaque: when it started, as its system says it. */
  startTime: string;
  /** The boot of the machine in which pid and start time mean something. */
  bootId: string;
}

export interface ProcessEntry {
  pid: number;
  ppid: number;
  pgid: number;
  startTime: string;
  /** Ended, and only waiting for its parent to look. */
  zombie: boolean;
  /** Opaque: changes when it executes another program. Undefined where that cannot be seen. */
  image?: string;
}

/** The system's processes. */
export interface ProcessTable {
  readonly bootId: string;
  /** False where the environment of a process cannot be seen: containment is then the process group (design §7). */
  readonly seesEnvironment: boolean;
  /** Read now; synchronous, because a tree is only true at one moment. */
  scan(): ProcessScan;
  /** Read after this call, shared with whoever else asks meanwhile. */
  nextScan(): Promise<ProcessScan>;
  find(pid: number): ProcessEntry | undefined;
  /** Of our own processes; undefined where it cannot be read. */
  environment(pid: number): Buffer | undefined;
}

export abstract class ScannedTable implements ProcessTable {
  abstract readonly bootId: string;
  abstract readonly seesEnvironment: boolean;
  private readonly shared = new SharedWork(() => this.scan(), SCAN_REST_FACTOR);
  /** Who belongs to a run does so until its end; the others are asked again when they execute something else. */
  private known = new Map<number, Known>();
  private readonly reader: MarkReader;

  constructor(home?: string) {
    this.reader = new MarkReader(home);
  }

  abstract find(pid: number): ProcessEntry | undefined;
  abstract environment(pid: number): Buffer | undefined;
  protected abstract list(): ProcessEntry[];

  scan(): ProcessScan {
    const before = this.known;
    this.known = new Map();
    return new ProcessScan(this.list(), (entry) => {
      const known = before.get(entry.pid);
      const { pid, startTime, image } = entry;
      const now = known && holds(known, entry) ? known : { startTime, image, mark: this.reader.read(this.environment(pid), pid) };
      this.known.set(pid, now);
      return now.mark;
    });
  }

  nextScan(): Promise<ProcessScan> {
    return this.shared.next();
  }
}

interface Known { startTime: string; image?: string; mark: RunMark | undefined }

function holds(known: Known, { startTime, image }: ProcessEntry): boolean {
  return known.startTime === startTime && (known.mark !== undefined || (image !== undefined && known.image === image));
}

class LinuxProcessTable extends ScannedTable {
  readonly bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  readonly seesEnvironment = true;

  protected list(): ProcessEntry[] {
    return readdirSync('/proc').flatMap((name) => {
      const entry = /^\d+$/.test(name) ? this.find(Number(name)) : undefined;
      return entry ? [entry] : [];
    });
  }

  find(pid: number): ProcessEntry | undefined {
    const stat = readIfThere(`/proc/${pid}/stat`)?.toString('latin1');
    if (stat === undefined) return undefined;
    // The name, in parentheses, may itself hold spaces and parentheses; fields are counted after it (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      pid, ppid: Number(fields[1]), pgid: Number(fields[2]), startTime: fields[19], zombie: fields[0] === 'Z' || fields[0] === 'X',
      // Where its environment begins and ends: each program that is executed gets one of its own, at a random place.
      image: `${fields[47]} ${fields[48]}`,
    };
  }

  environment(pid: number): Buffer | undefined {
    return readIfThere(`/proc/${pid}/environ`);
  }
}

/** macOS and other systems without `/proc`: what `ps` tells. */
class PsProcessTable extends ScannedTable {
  readonly seesEnvironment = false;
  readonly bootId: string;

  constructor(home?: string) {
    super(home);
    this.bootId = process.platform === 'darwin'
      ? execFileSync('/usr/sbin/sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' }).trim()
      : 'unknown';
  }

  protected list(): ProcessEntry[] {
    return this.ps(['-A']);
  }

  find(pid: number): ProcessEntry | undefined {
    return this.ps(['-p', String(pid)])[0];
  }

  environment(): undefined {
    return undefined;
  }

  private ps(which: string[]): ProcessEntry[] {
    let text: string;
    try {
      text = execFileSync('/bin/ps', [...which, '-o', 'pid=,ppid=,pgid=,state=,lstart='], { encoding: 'utf8', maxBuffer: 16 * 1024 * 1024 });
    } catch (error) {
      // `ps -p` of a pid that is gone exits 1 and says nothing.
      if ((error as { status?: number }).status === 1) return [];
      throw error;
    }
    return text.split('\n').flatMap((line) => {
      const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.+)$/.exec(line);
      return match ? [{ pid: +match[1], ppid: +match[2], pgid: +match[3], startTime: match[5].trim(), zombie: match[4].startsWith('Z') }] : [];
    });
  }
}

function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    // Gone meanwhile (ESRCH is a read of a process that ended after the open), or somebody else's.
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw error;
  }
}

/** @param home whose runs' marks count; without it, those of every home */
export function createProcessTable(home?: string): ProcessTable {
  return process.platform === 'linux' ? new LinuxProcessTable(home) : new PsProcessTable(home);
}

export function identify(table: ProcessTable, pid: number): ProcessIdentity | undefined {
  const entry = table.find(pid);
  return entry && !entry.zombie ? { pid, startTime: entry.startTime, bootId: table.bootId } : undefined;
}

export function isAlive(table: ProcessTable, identity: ProcessIdentity): boolean {
  if (identity.bootId !== table.bootId) return false;
  const entry = table.find(identity.pid);
  return entry !== undefined && !entry.zombie && entry.startTime === identity.startTime;
}
