import { Inject, Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { PAGE_ITEMS_MAX, SessionRpc } from '@orbitmesh/contracts';
import { Bus } from '@orbitmesh/messaging';
import { PAGES_IN_FLIGHT_MAX } from '../limits.js';
import { LiveEvent } from './event-ring.js';

export interface LogPage {
  events: LiveEvent[];
  /** Where it ends, by the name that the log has now. */
  nextCursor: string;
}

/** Pages of the log for clients that are behind, a few at a time, in the order they asked. */
@Injectable()
export class EventPager {
  private inFlight = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(@Inject(Bus) private readonly bus: Bus) {}

  /**
   * @param isWanted asked when its turn has come: those who left meanwhile hold up nobody, also after minutes in which nothing was answered
   * @throws CURSOR_GONE; TIMEOUT; UNAVAILABLE, also when it is not wanted any more
   */
  async page(after: string, isWanted: () => boolean): Promise<LogPage> {
    if (this.inFlight >= PAGES_IN_FLIGHT_MAX) await new Promise<void>((resolve) => { this.waiting.push(resolve); });
    else this.inFlight += 1;
    try {
      if (!isWanted()) throw new AppError('UNAVAILABLE');
      const { items, nextCursor } = await this.bus.request(SessionRpc.eventPage, { after, limit: PAGE_ITEMS_MAX });
      return { events: items.map((event) => new LiveEvent(event)), nextCursor };
    } finally {
      // The place is handed on, so that nobody who came later takes it.
      const next = this.waiting.shift();
      if (next) next();
      else this.inFlight -= 1;
    }
  }
}
