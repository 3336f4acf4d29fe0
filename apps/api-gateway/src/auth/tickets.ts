import { Injectable } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { TICKET, type Ticket } from '@orbitmesh/contracts';
import { Shares } from '../http/shares.js';
import { TICKET_MS, TICKETS_MAX } from '../limits.js';
import type { Principal } from './principal.js';
import { hashOf, newSecret } from './secret.js';

interface Waiting { token: string; principal: Principal; origin: string | undefined; endsAt: number }
/** What of a request says which page it is of. */
export interface Comer { origin: string | undefined; host: string | undefined }

/** For browsers, which can send no header with a WebSocket or an event stream: once, soon, from the same page (ADR-0029). Only in memory. */
@Injectable()
export class Tickets {
  /** By hash, oldest first: they all last equally long. */
  private readonly waiting = new Map<string, Waiting>();
  private readonly shares = new Shares(TICKETS_MAX);

  /** @throws TOO_MANY_REQUESTS */
  issue(token: string, principal: Principal, origin: string | undefined): Ticket {
    this.sweep();
    if (!this.shares.take(principal)) throw new AppError('TOO_MANY_REQUESTS', 'Too many tickets wait to be used.');
    const ticket = newSecret('omt_');
    this.waiting.set(keyOf(ticket), { token, principal, origin, endsAt: performance.now() + TICKET_MS });
    return { ticket, expiresAt: new Date(Date.now() + TICKET_MS).toISOString() };
  }

  /** The token it stands for; whatever comes of it, it is used. @throws UNAUTHENTICATED */
  use(ticket: string, comer: Comer): string {
    const key = TICKET.test(ticket) ? keyOf(ticket) : '';
    const found = this.forget(key);
    if (!found || found.endsAt <= performance.now() || !isOf(found.origin, comer)) {
      throw new AppError('UNAUTHENTICATED', 'The ticket is unknown, used, expired or of another page; POST /api/tickets gives another.');
    }
    return found.token;
  }

  private sweep(): void {
    const now = performance.now();
    for (const [key, { endsAt }] of this.waiting) {
      if (endsAt > now) return;
      this.forget(key);
    }
  }

  private forget(key: string): Waiting | undefined {
    const found = this.waiting.get(key);
    if (found) this.shares.leave(found.principal);
    this.waiting.delete(key);
    return found;
  }
}

function keyOf(ticket: string): string {
  return hashOf(ticket).toString('hex');
}

/** Browsers send no Origin with a GET to the page's own: then it is the one of the Host that the request came to. */
function isOf(asked: string | undefined, { origin, host }: Comer): boolean {
  if (asked === undefined) return true;
  return origin === undefined ? asked === `http://${host}` || asked === `https://${host}` : origin === asked;
}
