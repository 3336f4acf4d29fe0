import type { RunProcesses } from '../process/run-processes.js';

/** An agent's processes stand still while anybody has a reason for it. */
export class Suspension {
  private readonly reasons = new Set<'pause' | 'backlog'>();

  constructor(private readonly processes: RunProcesses) {}

  set(reason: 'pause' | 'backlog', on: boolean): void {
    const before = this.reasons.size > 0;
    if (on) this.reasons.add(reason);
    else this.reasons.delete(reason);
    const now = this.reasons.size > 0;
    if (now && !before) this.processes.suspend();
    if (!now && before) this.processes.resume();
  }

  /** A former runner may have died while they stood still: only a pause of the user's still counts. */
  async recover(paused: boolean): Promise<void> {
    if (paused) this.reasons.add('pause');
    else await this.processes.signal('SIGCONT');
  }
}
