import { randomUUID } from 'node:crypto';
import type { MsgHdrs } from '@nats-io/transport-node';

/** On every answer: what the answering process's own clock says. */
export const CLOCK_HEADER = 'om-clock';
/** On every request: until when it may be begun, by the clock of whoever is asked. */
export const UNTIL_HEADER = 'om-until';
/** Its presence says that the request came too late, or for a process that is gone, and was not begun. */
export const LATE_HEADER = 'om-late';

/** A moment of one process's monotonic clock, as headers carry it: `<process>.<ms>`. Those of two processes cannot be compared. */
interface Moment { process: string; ms: number }

/**
 * The clock that deadlines of requests to this process are told in. A request can lie in a frozen server, or in a socket
 * nobody reads, for longer than its sender waits; begun then, it would be a command that nobody gives any more.
 */
export class OwnClock {
  private readonly process = randomUUID().slice(0, 8);

  get moment(): string {
    return `${this.process}.${Math.floor(performance.now())}`;
  }

  /** Also of what says no moment of this process: nobody can tell how old it is. */
  isPast(until: string | undefined): boolean {
    const moment = momentOf(until);
    return moment?.process !== this.process || performance.now() > moment.ms;
  }
}

/** What we know of the clocks of those we ask: as much as their last answers said. Nobody's wall clock comes into it. */
export class PeerClocks {
  /** A handful: session-service, the notifier, runners. */
  private readonly peers = new Map<string, { process: string; aheadMs: number }>();

  /**
   * The answer was on its way for a moment, so that their clock is ahead by a little more: deadlines err to the early side.
   * @returns whether it is of another process than the last
   */
  heard(peer: string, headers: MsgHdrs | undefined): boolean {
    const moment = momentOf(headers?.get(CLOCK_HEADER));
    if (!moment) return false;
    const known = this.peers.get(peer);
    this.peers.set(peer, { process: moment.process, aheadMs: moment.ms - performance.now() });
    return known !== undefined && known.process !== moment.process;
  }

  /** `ms` from now, by the clock of `peer`; null before its first answer. */
  until(peer: string, ms: number): string | null {
    const known = this.peers.get(peer);
    return known ? `${known.process}.${Math.floor(performance.now() + known.aheadMs + ms)}` : null;
  }
}

function momentOf(text: string | undefined): Moment | null {
  const match = /^([0-9a-f]{8})\.(\d{1,15})$/.exec(text ?? '');
  return match ? { process: match[1], ms: Number(match[2]) } : null;
}
