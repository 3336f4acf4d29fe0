import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Checkpoint } from '../checkpoint.js';
import type { StorageFs } from '../fs/storage-fs.js';
import type { StoreLayout } from '../layout/store-layout.js';
import { AUDITED_FILE_BYTES_MAX } from '../limits.js';
import type { LogStates } from './log-states.js';
import type { Finding } from './store-audit.js';

/** What was found of one session's `events.ndjson`, as far as the checkpoint says that it is written. */
interface SessionFileState {
  path: string;
  /** Events up to this one are gone for good. */
  trimmed: number;
  seq: number;
  bytes: number;
  /** Bytes that are not there. */
  gone: number;
  /** Of line n the CRC, or undefined when it is not the n-th event that there should be. */
  crcs: (number | undefined)[];
  /** Of the lines behind those, which a checkpoint will cover. */
  behind: (number | undefined)[];
  /** What stands at the end is no line that is being written. */
  garbage: boolean;
}

const LINE_FEED = 0x0a;
const OPENING_BRACE = 0x7b;

/** The files of sessions' events: read first, and compared with a log that was read after them. */
export class SessionAudit {
  private readonly files = new Map<string, SessionFileState>();

  constructor(fs: StorageFs, root: string, { sessionEvents }: StoreLayout, checkpoint: Checkpoint | undefined) {
    if (sessionEvents === undefined || checkpoint === undefined) return;
    for (const [id, [seq, bytes, deletedAt]] of Object.entries(checkpoint.sessions)) {
      if (deletedAt === undefined) this.files.set(id, readSessionFile(fs, root, sessionEvents(id), { seq, bytes, trimmed: checkpoint.trimmed?.[id] ?? 0 }));
    }
  }

  get count(): number {
    return this.files.size;
  }

  compare(states: LogStates, stillThere: (sessionId: string) => boolean): Finding[] {
    return [...this.files].flatMap(([id, file]) => {
      const problem = problemOf(file, states.sessions.get(id)) ?? (states.whole ? excessOf(file, states.sessions.get(id)) : undefined);
      // Deleted meanwhile, with its file.
      if (problem === undefined || !stillThere(id)) return [];
      return [{ kind: 'events' as const, file: file.path, ...problem }];
    });
  }
}

function problemOf({ trimmed, seq, gone, crcs }: SessionFileState, logged: { first: number; crcs: number[] } | undefined): Pick<Finding, 'problem' | 'remedy'> | undefined {
  const inLog = (n: number): number | undefined => (logged === undefined ? undefined : logged.crcs[n - logged.first]);
  const bad: number[] = [];
  for (let n = trimmed + 1; n <= seq; n += 1) {
    const [found, expected] = [crcs[n - trimmed - 1], inLog(n)];
    if (found === undefined || (expected !== undefined && found !== expected)) bad.push(n);
  }
  if (bad.length === 0) return undefined;
  const remedy = bad.every((n) => inLog(n) !== undefined) ? 'rebuild' : null;
  const lost = remedy === null ? '; the log no longer has all of them' : '';
  return { problem: gone > 0 ? `has lost ${gone} bytes${lost}` : `is not what was written, in ${bad.length} of its ${seq - trimmed} lines from line ${bad[0] - trimmed} on${lost}`, remedy };
}

/** Whatever is written is in the log first. */
function excessOf({ seq, behind, garbage }: SessionFileState, logged: { first: number; crcs: number[] } | undefined): Pick<Finding, 'problem' | 'remedy'> | undefined {
  const foreign = behind.filter((crc, n) => crc === undefined || crc !== logged?.crcs[seq + n + 1 - logged.first]).length;
  if (foreign === 0 && !garbage) return undefined;
  return { problem: `has something behind its last event that was not written by OrbitMesh${foreign > 1 ? ` (${foreign} lines)` : ''}`, remedy: 'rebuild' };
}

function readSessionFile(fs: StorageFs, root: string, path: string, { seq, bytes, trimmed }: { seq: number; bytes: number; trimmed: number }): SessionFileState {
  const size = fs.sizeSync(join(root, path)) ?? 0;
  const content = size === 0 ? Buffer.alloc(0) : fs.readSync(join(root, path), 0, Math.min(size, bytes + AUDITED_FILE_BYTES_MAX));
  const crcs = crcsOf(content.subarray(0, bytes), trimmed + 1);
  const rest = content.subarray(bytes);
  const last = rest.subarray(rest.lastIndexOf(LINE_FEED) + 1);
  return { path, trimmed, seq, bytes, gone: Math.max(0, bytes - size), crcs, behind: crcsOf(rest, seq + 1), garbage: last.length > 0 && last[0] !== OPENING_BRACE };
}

function crcsOf(content: Buffer, first: number): (number | undefined)[] {
  const crcs: (number | undefined)[] = [];
  for (const line of linesOf(content)) crcs.push(sessionSeqOf(line) === first + crcs.length ? crc32(line) : undefined);
  return crcs;
}

/** Whole lines, without their line feed. */
export function* linesOf(content: Buffer): Generator<Buffer> {
  for (let offset = 0, feed = content.indexOf(LINE_FEED); feed !== -1; feed = content.indexOf(LINE_FEED, offset)) {
    yield content.subarray(offset, feed);
    offset = feed + 1;
  }
}

export function sessionSeqOf(line: Buffer): number | undefined {
  try {
    return (JSON.parse(line.toString()) as { sessionSeq?: number } | null)?.sessionSeq;
  } catch {
    // Told as a line that is not what was written.
    return undefined;
  }
}
