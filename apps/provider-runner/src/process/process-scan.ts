import type { ProcessEntry } from './process-table.js';
import type { RunMark } from './run-mark.js';

/** All living processes of the system at one moment, and what a run asks of them. */
export class ProcessScan {
  private readonly byPid = new Map<number, ProcessEntry>();
  private readonly children = new Map<number, ProcessEntry[]>();
  private readonly groups = new Map<number, ProcessEntry[]>();
  private readonly marked = new Map<string, ProcessEntry[]>();
  /** Of which slot each run is, where its processes say it. */
  readonly slots = new Map<string, string>();

  /** @param markOf which run a process says that it belongs to */
  constructor(entries: readonly ProcessEntry[], markOf: (entry: ProcessEntry) => RunMark | undefined) {
    for (const entry of entries) {
      if (entry.zombie || entry.pid === process.pid) continue;
      this.byPid.set(entry.pid, entry);
      add(this.children, entry.ppid, entry);
      add(this.groups, entry.pgid, entry);
      const mark = markOf(entry);
      if (mark === undefined) continue;
      add(this.marked, mark.runId, entry);
      if (mark.slot !== undefined) this.slots.set(mark.runId, mark.slot);
    }
  }

  find(pid: number): ProcessEntry | undefined {
    return this.byPid.get(pid);
  }

  group(pgid: number): readonly ProcessEntry[] {
    return this.groups.get(pgid) ?? [];
  }

  childrenOf(pid: number): readonly ProcessEntry[] {
    return this.children.get(pid) ?? [];
  }

  markedBy(runId: string): readonly ProcessEntry[] {
    return this.marked.get(runId) ?? [];
  }

  /** These, and all that descends from them. */
  treesOf(roots: Iterable<ProcessEntry>): ProcessEntry[] {
    const found = new Map<number, ProcessEntry>();
    const queue = [...roots];
    for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
      if (found.has(entry.pid)) continue;
      found.set(entry.pid, entry);
      queue.push(...this.childrenOf(entry.pid));
    }
    return [...found.values()];
  }
}

function add<K>(map: Map<K, ProcessEntry[]>, key: K, entry: ProcessEntry): void {
  const known = map.get(key);
  if (known) known.push(entry);
  else map.set(key, [entry]);
}
