import { setTimeout as delay } from 'node:timers/promises';
import { EOF_IGNORED_MS, LEFTOVER_GRACE_MS, SWEEP_GIVE_UP_MS, WRAPPER_GRACE_MS } from '../limits.js';
import type { AgentProcess } from './agent-process.js';
import type { DriverSession } from './driver-session.js';

/** Between two looks at what is left. */
const LOOK_MS = { agent: 20, tree: 100 } as const;

export interface Graces {
  politeMs: number;
  termMs: number;
  /** What is left in the output files is decoded so long, once no process is left. */
  drainMs: number;
}

/**
 * Ends everything that belongs to a run, in the order of design §7: interrupt what runs, close stdin,
 * grace, SIGTERM to the tree, grace, SIGKILL to the tree, and a sweep until nothing is left.
 */
export class TreeEnd {
  private hurried = false;
  private hurry!: () => void;
  private readonly hurryUp: Promise<void> = new Promise((resolve) => { this.hurry = resolve; });

  constructor(
    private readonly agent: AgentProcess,
    private readonly session: DriverSession,
  ) {}

  /** From now on no more graces: SIGKILL. */
  kill(): void {
    this.hurried = true;
    this.hurry();
  }

  /** @returns how many processes of the agent could not be ended; a wrapper of ours that lingers works on nothing */
  async run(graces: Graces): Promise<number> {
    if (!this.agent.exit && !this.hurried) await this.politely(graces.politeMs);
    const termMs = this.agent.exit ? Math.min(graces.termMs, LEFTOVER_GRACE_MS) : graces.termMs;
    const there = this.hurried ? undefined : await this.agent.processes.signal('SIGTERM');
    if (there !== undefined && there > 0) await this.until(async () => (await this.agent.processes.nextMembers()).length === 0, termMs, LOOK_MS.tree);
    // Of most agents nothing is left by now: the last look below is the second one that says so.
    if (there !== 0) await this.agent.processes.sweep(SWEEP_GIVE_UP_MS, { patient: true });
    await Promise.race([this.agent.exited, delay(WRAPPER_GRACE_MS)]);
    // The wrapper has written its last; it, and what holds stdin, go by themselves, or now.
    await this.until(() => !this.agent.processes.wrapperAlive(), this.hurried ? LEFTOVER_GRACE_MS : WRAPPER_GRACE_MS, LOOK_MS.agent, true);
    return (await this.agent.processes.sweep(SWEEP_GIVE_UP_MS, { keepers: true, patient: true })) === 0 ? 0 : (await this.agent.processes.nextMembers()).length;
  }

  private async politely(politeMs: number): Promise<void> {
    const deadline = performance.now() + politeMs;
    const ended = (): boolean => this.agent.exit !== undefined;
    this.session.stop();
    await this.until(() => ended() || !this.session.status().busy, politeMs / 2, LOOK_MS.agent);
    this.session.dropStdin();
    const leftMs = deadline - performance.now();
    await this.until(ended, this.session.status().ignoresEof ? Math.min(leftMs, EOF_IGNORED_MS) : leftMs, LOOK_MS.agent);
  }

  private async until(done: () => boolean | Promise<boolean>, ms: number, lookMs: number, evenHurried = false): Promise<void> {
    const deadline = performance.now() + ms;
    while (!(await done()) && performance.now() < deadline && (evenHurried || !this.hurried)) {
      await (evenHurried ? delay(lookMs) : Promise.race([delay(lookMs), this.hurryUp]));
    }
  }
}
