import { TEMPORARY_NAME } from '../fs/write-file-atomic.js';
import { RESERVE_FILE } from '../reserve.js';
import { applyChange, applyEntries, SimDirNode, SimFileNode, type DataChange, type EntryChange, type SimNode } from './simulated-nodes.js';

/** A content that exists once, so that states can be compared by identity. */
export interface Content {
  readonly number: number;
  readonly bytes: Buffer;
}

/**
 * A directory that exists once: its last entry, by name, and the directory without it. So states share what they have in
 * common, and a state is known again without looking into it.
 */
export interface Tree {
  readonly number: number;
  /** undefined for the empty one. */
  readonly last: { readonly before: Tree; readonly name: string; readonly left: Left } | undefined;
}

export type Left = Content | Tree;

/** More than will be numbered, so that two numbers make one. */
const NUMBERS_MAX = 2 ** 26;

/**
 * Enumerates every state that a crash may leave now: of each directory any subset of its unsynced
 * changes; of each file any subset of the pieces of its unsynced writes, with holes of zeros, and with
 * the size as far as the pieces reach or as far as the write would have gone.
 */
export class CrashStates {
  private numbers = 0;
  private readonly empty: Tree = { number: this.numbers++, last: undefined };
  private readonly ofTemporaries: Content = { number: this.numbers++, bytes: Buffer.from('whatever a temporary file holds') };
  private readonly contents = new Map<string, Content>();
  /** By the name of the last entry, and the numbers of what is before it and of what it is. */
  private readonly trees = new Map<string, Map<number, Tree>>();

  /** All of them, each once; the same array as long as nothing changes. */
  of(dir: SimDirNode): readonly Tree[] {
    if (dir.left !== undefined) return dir.left;
    if (dir.unsynced.length === 0) return (dir.left = this.products(dir.durable));
    const found = new Set<Tree>();
    for (const entries of entrySubsets(dir)) {
      for (const tree of this.products(entries)) found.add(tree);
    }
    return (dir.left = [...found]);
  }

  private products(entries: ReadonlyMap<string, SimNode>): Tree[] {
    let trees = [this.empty];
    for (const name of [...entries.keys()].sort()) {
      const known = this.treesEndingIn(name);
      const possible = this.leftOf(name, entries.get(name) as SimNode);
      if (possible.length === 1) trees = trees.map((before) => this.tree(known, before, name, possible[0]));
      else trees = trees.flatMap((before) => possible.map((left) => this.tree(known, before, name, left)));
    }
    return trees;
  }

  private tree(known: Map<number, Tree>, before: Tree, name: string, left: Left): Tree {
    const key = before.number * NUMBERS_MAX + left.number;
    let tree = known.get(key);
    if (tree === undefined) known.set(key, (tree = { number: this.next(), last: { before, name, left } }));
    return tree;
  }

  private treesEndingIn(name: string): Map<number, Tree> {
    const any = anyTemporary(name);
    let known = this.trees.get(any);
    if (known === undefined) this.trees.set(any, (known = new Map()));
    return known;
  }

  private leftOf(name: string, node: SimNode): readonly Left[] {
    if (TEMPORARY_NAME.test(name)) return [this.ofTemporaries];
    if (name === RESERVE_FILE && node.kind === 'file') return this.sizesOf(node);
    return node.kind === 'directory' ? this.of(node) : this.ofFile(node);
  }

  private ofFile(node: SimFileNode): readonly Content[] {
    if (node.left !== undefined) return node.left;
    let possible = new Set([this.content(node.durable)]);
    for (const change of node.unsynced) {
      const next = new Set(possible);
      for (const { bytes } of possible) {
        for (const outcome of changeOutcomes(bytes, change)) next.add(this.content(outcome));
      }
      possible = next;
    }
    return (node.left = [...possible]);
  }

  /** It is filled by chance, and nobody reads it. */
  private sizesOf(node: SimFileNode): readonly Content[] {
    return [...new Set(this.ofFile(node).map(({ bytes }) => bytes.length))].map((size) => this.content(Buffer.alloc(size)));
  }

  private content(bytes: Buffer): Content {
    const text = bytes.toString('latin1');
    let known = this.contents.get(text);
    if (known === undefined) this.contents.set(text, (known = { number: this.next(), bytes }));
    return known;
  }

  private next(): number {
    if (this.numbers === NUMBERS_MAX) throw new Error('There are more states than can be told apart.');
    return this.numbers++;
  }
}

function* entrySubsets(dir: SimDirNode): Generator<Map<string, SimNode>> {
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

/**
 * Making and removing temporary files is not enumerated, to have fewer states: nothing depends on them
 * (the simulated file system refuses to read one), and at some points of a run they are there.
 */
function isOnlyTemporary(change: EntryChange): boolean {
  return change.every(({ name }) => TEMPORARY_NAME.test(name));
}

/** Temporary files differ by a counter only. */
function anyTemporary(name: string): string {
  return name.endsWith('.om-tmp') ? name.replace(/\.\d+\.\d+\.om-tmp$/, '.om-tmp') : name;
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

/** The file system after the crash: all that is there is durable. */
export function restored(tree: Tree): SimDirNode {
  const entries: [string, SimNode][] = [];
  for (let { last } = tree; last !== undefined; ({ last } = last.before)) entries.push([last.name, restoredNode(last.left)]);
  const dir = new SimDirNode(new Map(entries.reverse()));
  dir.left = [tree];
  return dir;
}

function restoredNode(left: Left): SimNode {
  if (!('bytes' in left)) return restored(left);
  const file = new SimFileNode(left.bytes);
  file.left = [left];
  return file;
}
