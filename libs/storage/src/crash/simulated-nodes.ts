import type { Content, Left, Tree } from './crash-states.js';

/** A change of a file's data that an fsync of the file makes durable. */
export type DataChange = { write: Buffer; at: number } | { truncate: number };
/** A change of a directory that its fsync makes durable: names that come to mean something else, at once. */
export type EntryChange = { name: string; node: SimNode | undefined }[];

class Node<L extends Left> {
  /** What a crash may leave of it, while nothing changes it or what is below. */
  left: readonly L[] | undefined;
  /** Every directory that has, or ever had, an entry of it. */
  readonly within: SimDirNode[] = [];

  /** Above what is outdated all is outdated already: a directory's outcomes are made of those of its entries. */
  outdated(): void {
    if (this.left === undefined) return;
    this.left = undefined;
    for (const dir of this.within) dir.outdated();
  }
}

export class SimFileNode extends Node<Content> {
  readonly kind = 'file';
  live: Buffer;
  unsynced: DataChange[] = [];

  constructor(public durable: Buffer) {
    super();
    this.live = durable;
  }

  change(change: DataChange): void {
    this.unsynced.push(change);
    this.live = applyChange(this.live, change);
    this.outdated();
  }

  settle(): void {
    this.durable = this.live;
    this.unsynced = [];
    this.outdated();
  }
}

export class SimDirNode extends Node<Tree> {
  readonly kind = 'directory';
  /** The durable ones themselves until there is a change. */
  live: Map<string, SimNode>;
  unsynced: EntryChange[] = [];

  constructor(public durable: Map<string, SimNode> = new Map()) {
    super();
    this.live = durable;
    for (const node of durable.values()) node.within.push(this);
  }

  change(change: EntryChange): void {
    this.unsynced.push(change);
    if (this.live === this.durable) this.live = new Map(this.durable);
    applyEntries(this.live, change);
    for (const { node } of change) {
      if (node?.within.includes(this) === false) node.within.push(this);
    }
    this.outdated();
  }

  settle(): void {
    this.durable = this.live;
    this.unsynced = [];
    this.outdated();
  }
}

export type SimNode = SimFileNode | SimDirNode;

export function applyChange(data: Buffer, change: DataChange): Buffer {
  if ('truncate' in change) {
    const cut = Buffer.alloc(change.truncate);
    data.copy(cut);
    return cut;
  }
  const grown = Buffer.alloc(Math.max(data.length, change.at + change.write.length));
  data.copy(grown);
  change.write.copy(grown, change.at);
  return grown;
}

export function applyEntries(entries: Map<string, SimNode>, change: EntryChange): void {
  for (const { name, node } of change) {
    if (node === undefined) entries.delete(name);
    else entries.set(name, node);
  }
}
