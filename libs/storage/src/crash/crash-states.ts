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

type Left = Content | Tree;

/** What may become of a node; the same array as long as nothing of it changes. */
interface Outcomes<L extends Left> {
  /** The present state of the node that they are of. */
  of: Buffer | number;
  count: number;
  below: Map<SimNode, readonly Left[]>;
  left: readonly L[];
}

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
  private readonly trees = new Map<string, Map<number, Map<number, Tree>>>();
  private readonly files = new WeakMap<SimFileNode, Outcomes<Content>>();
  private readonly directories = new WeakMap<SimDirNode, Outcomes<Tree>>();

  /** All of them, each once. */
  of(dir: SimDirNode): readonly Tree[] {
    const known = this.directories.get(dir);
    if (known?.of === dir.version && this.isSame(known.below)) return known.left;
    const below: Outcomes<Tree>['below'] = new Map();
    const found = new Set<Tree>();
    for (const entries of entrySubsets(dir)) {
      this.products([...entries].sort(([a], [b]) => (a < b ? -1 : 1)), 0, this.empty, below, found);
    }
    const left = [...found];
    this.directories.set(dir, { of: dir.version, count: 0, below, left });
    return left;
  }

  private products(names: [string, SimNode][], at: number, before: Tree, below: Outcomes<Tree>['below'], found: Set<Tree>): void {
    if (at === names.length) {
      found.add(before);
      return;
    }
    const [name, node] = names[at];
    const known = this.treesAfter(before, name);
    for (const left of TEMPORARY_NAME.test(name) ? [this.ofTemporaries] : this.leftBelow(node, below)) {
      let tree = known.get(left.number);
      if (tree === undefined) known.set(left.number, (tree = { number: this.numbers++, last: { before, name, left } }));
      this.products(names, at + 1, tree, below, found);
    }
  }

  /** What is known of a directory that goes on with this entry. */
  private treesAfter(before: Tree, name: string): Map<number, Tree> {
    const any = anyTemporary(name);
    let named = this.trees.get(any);
    if (named === undefined) this.trees.set(any, (named = new Map()));
    let known = named.get(before.number);
    if (known === undefined) named.set(before.number, (known = new Map()));
    return known;
  }

  private leftBelow(node: SimNode, below: Outcomes<Tree>['below']): readonly Left[] {
    let possible = below.get(node);
    if (possible === undefined) below.set(node, (possible = this.leftOf(node)));
    return possible;
  }

  private isSame(below: Outcomes<Tree>['below']): boolean {
    for (const [node, left] of below) {
      if (this.leftOf(node) !== left) return false;
    }
    return true;
  }

  private leftOf(node: SimNode): readonly Left[] {
    return node.kind === 'directory' ? this.of(node) : this.ofFile(node);
  }

  private ofFile(node: SimFileNode): readonly Content[] {
    const known = this.files.get(node);
    if (known?.of === node.live && known.count === node.unsynced.length) return known.left;
    let possible = new Set([this.content(node.durable)]);
    for (const change of node.unsynced) {
      const next = new Set(possible);
      for (const { bytes } of possible) {
        for (const outcome of changeOutcomes(bytes, change)) next.add(this.content(outcome));
      }
      possible = next;
    }
    const left = [...possible];
    this.files.set(node, { of: node.live, count: node.unsynced.length, below: new Map(), left });
    return left;
  }

  private content(bytes: Buffer): Content {
    const text = bytes.toString('latin1');
    let known = this.contents.get(text);
    if (known === undefined) this.contents.set(text, (known = { number: this.numbers++, bytes }));
    return known;
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
  for (let { last } = tree; last !== undefined; ({ last } = last.before)) {
    const { name, left } = last;
    entries.push([name, 'bytes' in left ? new SimFileNode(left.bytes) : restored(left)]);
  }
  return new SimDirNode(new Map(entries.reverse()));
}
