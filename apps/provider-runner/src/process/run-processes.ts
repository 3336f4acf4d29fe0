import { setTimeout as delay } from 'node:timers/promises';
import { isAlive, type ProcessEntry, type ProcessIdentity, type ProcessTable } from './process-table.js';

/** In the environment of everything a run starts; what carries it belongs to the run (design §7). */
export const RUN_MARKER = 'ORBITMESH_RUN_ID';

/** Rounds of SIGSTOP: a tree that forks faster than this is stopped only as far as we got. */
const SUSPEND_ROUNDS_MAX = 5;

/**
 * The processes of one run: the wrapper's descendants, the agent's process group, and whatever
 * carries the run's marker, wherever it went. Pids are only ever taken from a table read just now, so
 * a reused pid is not signalled by mistake.
 */
export class RunProcesses {
  /** Every process that was seen to belong here: one that left tree, group and marker behind is still found by it. */
  private readonly seen = new Map<number, string>();

  private readonly marker: Buffer;

  constructor(
    private readonly table: ProcessTable,
    runId: string,
    /** The wrapper and the process that holds stdin open; they end by themselves with the agent. */
    private keepers: { wrapper?: ProcessIdentity; holderPid?: number; agentPid?: number } = {},
  ) {
    this.marker = Buffer.from(`${RUN_MARKER}=${runId}\0`);
  }

  know(keepers: { wrapper?: ProcessIdentity; holderPid?: number; agentPid?: number }): void {
    this.keepers = { ...this.keepers, ...keepers };
  }

  wrapperAlive(): boolean {
    return this.keepers.wrapper !== undefined && isAlive(this.table, this.keepers.wrapper);
  }

  /** All that are alive; without the wrapper and its holder unless asked for. */
  members(options: { keepers?: boolean } = {}): ProcessEntry[] {
    const all = this.table.list().filter((entry) => !entry.zombie && entry.pid !== process.pid);
    const members = this.collect(all);
    this.seen.clear();
    for (const entry of members) this.seen.set(entry.pid, entry.startTime);
    return options.keepers ? members : members.filter((entry) => !this.isKeeper(entry.pid));
  }

  /** Sends it to every member and says to how many. */
  signal(signal: NodeJS.Signals, options: { keepers?: boolean } = {}): number {
    let count = 0;
    for (const entry of this.members(options)) {
      if (sendSignal(entry.pid, signal)) count += 1;
    }
    return count;
  }

  /** SIGSTOP to the whole tree, again until nothing new has appeared in it. */
  suspend(): void {
    let before = -1;
    for (let round = 0; round < SUSPEND_ROUNDS_MAX; round += 1) {
      const count = this.signal('SIGSTOP');
      if (count === before) return;
      before = count;
    }
  }

  resume(): void {
    this.signal('SIGCONT');
  }

  /** SIGKILL to all of them, again until none is left. @returns how many were still alive at the deadline. */
  async sweep(giveUpMs: number, options: { keepers?: boolean } = {}): Promise<number> {
    const deadline = performance.now() + giveUpMs;
    for (let pause = 2; ; pause = Math.min(pause * 2, 50)) {
      if (this.signal('SIGKILL', options) === 0) return 0;
      if (performance.now() > deadline) return this.members(options).length;
      await delay(pause);
    }
  }

  private isKeeper(pid: number): boolean {
    return pid === this.keepers.wrapper?.pid || pid === this.keepers.holderPid;
  }

  /** This process carries the run's marker. */
  isMarked(pid: number): boolean {
    const environment = this.table.environment(pid);
    if (environment === undefined) return false;
    const at = environment.indexOf(this.marker);
    return at === 0 || (at > 0 && environment[at - 1] === 0);
  }

  private collect(all: ProcessEntry[]): ProcessEntry[] {
    const roots = new Set<number>();
    if (this.wrapperAlive()) roots.add(this.keepers.wrapper!.pid);
    for (const entry of all) {
      if (this.seen.get(entry.pid) === entry.startTime || this.isMarked(entry.pid)) roots.add(entry.pid);
    }
    const group = this.ownGroup(all, roots);
    for (const entry of all) if (entry.pgid === group) roots.add(entry.pid);
    return withDescendants(all, roots);
  }

  /** The agent's process group, while it is surely still ours: its number is not given away as long as one member lives. */
  private ownGroup(all: ProcessEntry[], roots: Set<number>): number | undefined {
    const { agentPid, wrapper } = this.keepers;
    const known = all.find((entry) => roots.has(entry.pid) && (entry.pgid === agentPid || entry.pgid === wrapper?.pid));
    if (known) return known.pgid;
    // Without /proc the group is all we have: trust its number unless its leader is somebody new.
    if (this.table.seesEnvironment || wrapper?.bootId !== this.table.bootId) return undefined;
    return all.some((entry) => entry.pid === wrapper.pid) ? undefined : wrapper.pid;
  }
}

function withDescendants(all: ProcessEntry[], roots: Set<number>): ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of all) children.set(entry.ppid, [...(children.get(entry.ppid) ?? []), entry]);
  const found = new Map<number, ProcessEntry>();
  const queue = all.filter((entry) => roots.has(entry.pid));
  for (let entry = queue.pop(); entry !== undefined; entry = queue.pop()) {
    if (found.has(entry.pid)) continue;
    found.set(entry.pid, entry);
    queue.push(...(children.get(entry.pid) ?? []));
  }
  return [...found.values()];
}

function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(pid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    // EPERM: a set-uid program; it is alive, it cannot be ended by us, and it counts.
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return true;
    throw error;
  }
}
