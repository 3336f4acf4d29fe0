import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import {
  applyChange,
  applyEntries,
  SimDirNode,
  SimFileNode,
  type DataChange,
  type EntryChange,
  type SimNode,
} from './simulated-fs.js';

/** What a crash left: the content of every file by its path; null is a directory. */
export type CrashState = Map<string, Content | null>;

/** A content that exists once, so that states can be compared by numbers. */
export interface Content {
  number: number;
  bytes: Buffer;
}

const CONTENT_OF_TEMPORARIES = Buffer.from('whatever a temporary file holds');

/**
 * Enumerates every state that a crash may leave now: of each directory any subset of its unsynced
 * changes; of each file any subset of the pieces of its unsynced writes, with holes of zeros, and with
 * the size as far as the pieces reach or as far as the write would have gone.
 */
export class CrashStates {
  private readonly contents = new Map<string, Content>();
  /** What may become of a file; kept until it changes. */
  private readonly outcomes = new WeakMap<SimFileNode, { of: Buffer; count: number; contents: Content[] }>();

  /** All of them, without repeating one that has the same key. */
  *of(root: SimDirNode): Generator<{ key: string; state: CrashState }> {
    const seen = new Set<string>();
    for (const state of this.trees(root, '')) {
      const key = [...state].map(([path, content]) => `${anyTemporary(path)}=${content?.number ?? 'd'}`).join('|');
      if (seen.has(key)) continue;
      seen.add(key);
      yield { key, state };
    }
  }

  private *trees(dir: SimDirNode, path: string): Generator<CrashState> {
    for (const entries of this.entrySubsets(dir)) {
      const names = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
      yield* this.products(names, path, 0, new Map());
    }
  }

  private *products(
    names: [string, SimNode][],
    path: string,
    at: number,
    before: CrashState,
  ): Generator<CrashState> {
    if (at === names.length) {
      yield before;
      return;
    }
    const [name, node] = names[at];
    const here = `${path}/${name}`;
    if (node.kind === 'directory') {
      for (const below of this.trees(node, here)) {
        yield* this.products(names, path, at + 1, new Map([...before, [here, null], ...below]));
      }
      return;
    }
    const contents = TEMPORARY_NAME.test(name) ? [this.content(CONTENT_OF_TEMPORARIES)] : this.fileOutcomes(node);
    for (const content of contents) {
      yield* this.products(names, path, at + 1, new Map([...before, [here, content]]));
    }
  }

  private *entrySubsets(dir: SimDirNode): Generator<Map<string, SimNode>> {
    const choices = dir.unsynced.filter((change) => !isOnlyTemporary(change));
    for (let subset = 0; subset < 2 ** choices.length; subset += 1) {
      const lost = new Set(choices.filter((_, position) => (subset >> position) % 2 === 1));
      const entries = new Map(dir.durable);
      for (const change of dir.unsynced) {
        if (!lost.has(change)) applyEntries(entries, change);
      }
      yield entries;
    }
  }

  private fileOutcomes(node: SimFileNode): Content[] {
    const known = this.outcomes.get(node);
    if (known?.of === node.live && known.count === node.unsynced.length) return known.contents;
    let possible = new Map([[this.content(node.durable).number, this.content(node.durable)]]);
    for (const change of node.unsynced) {
      const next = new Map(possible);
      for (const { bytes } of possible.values()) {
        for (const outcome of changeOutcomes(bytes, change)) {
          const content = this.content(outcome);
          next.set(content.number, content);
        }
      }
      possible = next;
    }
    const contents = [...possible.values()];
    this.outcomes.set(node, { of: node.live, count: node.unsynced.length, contents });
    return contents;
  }

  private content(bytes: Buffer): Content {
    const text = bytes.toString('latin1');
    let known = this.contents.get(text);
    if (known === undefined) {
      known = { number: this.contents.size, bytes };
      this.contents.set(text, known);
    }
    return known;
  }
}

/**
 * Making and removing temporary files is not enumerated, to have fewer states: nothing depends on them
 * (the simulated file system refuses to read one), and at some points of a run they are there.
 */
function isOnlyTemporary(change: EntryChange): boolean {
  return change.every(({ name }) => TEMPORARY_NAME.test(name));
}

/** Temporary files differ by a counter only. */
function anyTemporary(path: string): string {
  return path.replace(/\.\d+\.\d+\.om-tmp$/, '.om-tmp');
}

/** What one change may do, besides nothing. */
function* changeOutcomes(data: Buffer, change: DataChange): Generator<Buffer> {
  if ('truncate' in change) {
    yield applyChange(data, change);
    return;
  }
  const pieces = piecesOf(change.write).map(({ from, to }) => ({
    write: change.write.subarray(from, to),
    at: change.at + from,
  }));
  const end = change.at + change.write.length;
  for (let subset = 0; subset < 2 ** pieces.length; subset += 1) {
    let outcome = data;
    for (const [position, piece] of pieces.entries()) {
      if ((subset >> position) % 2 === 1) outcome = applyChange(outcome, piece);
    }
    yield outcome;
    if (outcome.length < end) yield applyChange(outcome, { truncate: end });
  }
}

/** Where a write may tear: in the middle of its first line, and between its lines. */
function piecesOf(write: Buffer): { from: number; to: number }[] {
  if (write.length < 2) return [{ from: 0, to: write.length }];
  const firstLine = write.indexOf(0x0a) + 1;
  const middle = Math.floor((firstLine > 1 ? firstLine : write.length) / 2);
  const cuts = [0, middle, ...(firstLine > 1 && firstLine < write.length ? [firstLine] : []), write.length];
  return cuts.slice(1).map((to, position) => ({ from: cuts[position], to }));
}

/** A file system that holds exactly this, all of it durable. */
export function restored(state: CrashState): SimDirNode {
  const root = new SimDirNode();
  for (const [path, content] of state) {
    const names = path.split('/').slice(1);
    let dir = root;
    for (const name of names.slice(0, -1)) dir = dir.live.get(name) as SimDirNode;
    const node = content === null ? new SimDirNode() : new SimFileNode(content.bytes);
    dir.live.set(names[names.length - 1], node);
    dir.durable.set(names[names.length - 1], node);
  }
  return root;
}
