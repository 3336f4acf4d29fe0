import { setTimeout as delay } from 'node:timers/promises';
import { DYING_GIVE_UP_MS, SUSPEND_ROUNDS_MAX } from '../limits.js';
import type { ProcessScan } from './process-scan.js';
import { isAlive, type ProcessEntry, type ProcessIdentity, type ProcessTable } from './process-table.js';

interface Keepers { wrapper?: ProcessIdentity; holderPid?: number; agentPid?: number }
interface Which { /** The wrapper and its holder too. */ keepers?: boolean }
interface HowLong extends Which { /** Waits longer for what has taken the signal and is not gone yet: it only waits for its disk. */ patient?: boolean }

/**
 * The processes of one run: the wrapper's descendants, the agent's process group, and whatever
 * carries the run's marker, wherever it went. A process is looked at once more right before it is
 * signalled, so that a reused pid is not taken for it.
 */
export class RunProcesses {
  /** Every process that was seen to belong here: one that left tree, group and marker behind is still found by it. */
  private readonly seen = new Map<number, string>();
  private disowned = false;

  constructor(
    private readonly table: ProcessTable,
    private readonly runId: string,
    /** The wrapper and the process that holds stdin open; they end by themselves with the agent. */
    private keepers: Keepers = {},
  ) {}

  know(keepers: Keepers): void {
    this.keepers = { ...this.keepers, ...keepers };
  }

  /** They are another home's: from now on there are none. */
  disown(): void {
    this.disowned = true;
  }

  wrapperAlive(): boolean {
    return this.keepers.wrapper !== undefined && isAlive(this.table, this.keepers.wrapper);
  }

  /** All that are alive now. */
  members(which: Which = {}): ProcessEntry[] {
    return this.membersIn(this.table.scan(), which);
  }

  /** All that are alive at some moment after this call: cheap, however many runs ask. */
  async nextMembers(which: Which = {}): Promise<ProcessEntry[]> {
    return this.membersIn(await this.table.nextScan(), which);
  }

  /** Sends it to every member, seen as by `nextMembers`, and says to how many. */
  async signal(signal: NodeJS.Signals, which: Which = {}): Promise<number> {
    return this.send(signal, await this.nextMembers(which));
  }

  /** SIGSTOP to the whole tree, again until nothing new has appeared in it. */
  suspend(): void {
    let before = -1;
    for (let round = 0; round < SUSPEND_ROUNDS_MAX; round += 1) {
      const count = this.send('SIGSTOP', this.members());
      if (count === before) return;
      before = count;
    }
  }

  resume(): void {
    this.send('SIGCONT', this.members());
  }

  /** SIGKILL to all of them, again until none is left. @returns how many were still alive so long after the first. */
  async sweep(giveUpMs: number, { patient = false, ...which }: HowLong = {}): Promise<number> {
    const dying = new Set<string>();
    let begun: number | undefined;
    for (let pause = 2; ; pause = Math.min(pause * 2, 50)) {
      const members = await this.nextMembers(which);
      if (members.length === 0) return 0;
      // On a busy machine one look may take as long as all this should: nobody is given up who had no time to die.
      begun ??= performance.now();
      const limit = patient && members.every((entry) => dying.has(nameOf(entry))) ? Math.max(giveUpMs, DYING_GIVE_UP_MS) : giveUpMs;
      if (performance.now() - begun > limit) return members.length;
      for (const entry of members) if (this.sendTo(entry, 'SIGKILL') === 'sent') dying.add(nameOf(entry));
      await delay(pause);
    }
  }

  private membersIn(scan: ProcessScan, { keepers = false }: Which): ProcessEntry[] {
    if (this.disowned) return [];
    const members = scan.treesOf(this.rootsIn(scan));
    this.seen.clear();
    for (const entry of members) this.seen.set(entry.pid, entry.startTime);
    return keepers ? members : members.filter((entry) => !this.isKeeper(entry));
  }

  /** Also what the wrapper starts to write down its agent's end: whoever ended that would only make it begin once more. */
  private isKeeper({ pid, ppid }: ProcessEntry): boolean {
    const { wrapper, holderPid, agentPid } = this.keepers;
    return pid === wrapper?.pid || pid === holderPid || (agentPid !== undefined && ppid === wrapper?.pid && pid !== agentPid);
  }

  private rootsIn(scan: ProcessScan): Set<ProcessEntry> {
    const { wrapper } = this.keepers;
    const roots = new Set(scan.markedBy(this.runId));
    const known = wrapper?.bootId === this.table.bootId ? [[wrapper.pid, wrapper.startTime] as const, ...this.seen] : this.seen;
    for (const [pid, startTime] of known) {
      const entry = scan.find(pid);
      if (entry?.startTime === startTime) roots.add(entry);
    }
    for (const entry of this.groupsIn(scan, roots)) roots.add(entry);
    return roots;
  }

  /** The process groups of the agent and of its wrapper, while they are surely still ours: a number is not given away as long as one member lives. */
  private groupsIn(scan: ProcessScan, roots: ReadonlySet<ProcessEntry>): ProcessEntry[] {
    const { agentPid, wrapper } = this.keepers;
    const groups = [agentPid, wrapper?.pid].flatMap((pgid) => (pgid === undefined ? [] : [scan.group(pgid)]));
    const ours = groups.filter((group) => group.some((entry) => roots.has(entry)));
    // Without /proc the group is all we have: trust its number unless its leader is somebody new.
    if (ours.length > 0 || this.table.seesEnvironment || wrapper?.bootId !== this.table.bootId) return ours.flat();
    return scan.find(wrapper.pid) ? [] : [...scan.group(wrapper.pid)];
  }

  private send(signal: NodeJS.Signals, entries: readonly ProcessEntry[]): number {
    return entries.filter((entry) => this.sendTo(entry, signal) !== 'gone').length;
  }

  private sendTo({ pid, startTime }: ProcessEntry, signal: NodeJS.Signals): Sent {
    return this.table.find(pid)?.startTime === startTime ? sendSignal(pid, signal) : 'gone';
  }
}

const nameOf = ({ pid, startTime }: ProcessEntry): string => `${pid} ${startTime}`;

type Sent = 'sent' | 'gone' | 'refused';

function sendSignal(pid: number, signal: NodeJS.Signals): Sent {
  try {
    process.kill(pid, signal);
    return 'sent';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'gone';
    // EPERM: a set-uid program; it is alive, it cannot be ended by us, and it counts.
    if ((error as NodeJS.ErrnoException).code === 'EPERM') return 'refused';
    throw error;
  }
}
