import { mkdir, readdir, stat, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Inject, Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { AppError } from '@orbitmesh/domain';
import { TICKET, type Ticket } from '@orbitmesh/contracts';
import { GatewayConfig } from '../gateway.config.js';
import { Shares } from '../http/shares.js';
import { TICKET_MS, TICKETS_MAX } from '../limits.js';
import type { Principal } from './principal.js';
import { seal, unseal } from './sealed.js';
import { hashOf, newSecret } from './secret.js';
import { readTokenFile } from './token-file.js';

interface Issued { principal: Principal; endsAt: number }
interface Meaning { token: string; origin?: string; endsAt: number }
/** What of a request says which page it is of. */
export interface Comer { origin: string | undefined; host: string | undefined }

/**
 * For browsers, which can send no header with a WebSocket or an event stream: once, soon, from the same page (ADR-0029). At any gateway
 * of the home: a file each, named by the ticket's hash, whose content only the ticket opens (ADR-0037).
 */
@Injectable()
export class Tickets implements OnModuleInit, OnModuleDestroy {
  private readonly dir: string;
  /** Of this gateway, by hash, oldest first: they all last equally long. Used elsewhere, one keeps its place until its time is over. */
  private readonly issued = new Map<string, Issued>();
  private readonly shares = new Shares(TICKETS_MAX);
  private sweeping: NodeJS.Timeout | undefined;

  constructor(@Inject(GatewayConfig) { home }: Pick<GatewayConfig, 'home'>) {
    this.dir = join(home, 'api-gateway', 'tickets');
  }

  async onModuleInit(): Promise<void> {
    await mkdir(this.dir, { recursive: true, mode: 0o700 });
    await this.sweepFiles();
    this.sweeping = setInterval(() => void this.sweepFiles(), TICKET_MS).unref();
  }

  onModuleDestroy(): void {
    clearInterval(this.sweeping);
  }

  /** @throws TOO_MANY_REQUESTS, STORAGE_FULL, STORAGE_WRITE */
  async issue(token: string, principal: Principal, origin: string | undefined): Promise<Ticket> {
    this.sweepShares();
    if (!this.shares.take(principal)) throw new AppError('TOO_MANY_REQUESTS', 'Too many tickets wait to be used.');
    const ticket = newSecret('omt_');
    const key = keyOf(ticket);
    const endsAt = Date.now() + TICKET_MS;
    this.issued.set(key, { principal, endsAt });
    try {
      // Not synced: after a power cut a page asks for another.
      await writeFile(join(this.dir, key), seal(JSON.stringify({ token, origin, endsAt } satisfies Meaning), ticket), { flag: 'wx', mode: 0o600 });
    } catch (cause) {
      this.leave(key);
      throw new AppError(['ENOSPC', 'EDQUOT'].includes((cause as NodeJS.ErrnoException).code ?? '') ? 'STORAGE_FULL' : 'STORAGE_WRITE', undefined, {}, { cause });
    }
    return { ticket, expiresAt: new Date(endsAt).toISOString() };
  }

  /** The token it stands for; whatever comes of it, it is used. @throws UNAUTHENTICATED, UNAVAILABLE when the disk does not say */
  async use(ticket: string, comer: Comer): Promise<string> {
    const found = TICKET.test(ticket) ? await this.take(ticket) : null;
    if (!found || found.endsAt <= Date.now() || !isOf(found.origin, comer)) {
      throw new AppError('UNAUTHENTICATED', 'The ticket is unknown, used, expired or of another page; POST /api/tickets gives another.');
    }
    return found.token;
  }

  private async take(ticket: string): Promise<Meaning | null> {
    const key = keyOf(ticket);
    this.leave(key);
    const file = join(this.dir, key);
    const seen = await readTokenFile(file);
    // Of several gateways that have read it, the one whose unlink finds it has it.
    if (!seen || !await removed(file)) return null;
    const text = unseal(seen.text, ticket);
    return text === null ? null : JSON.parse(text) as Meaning;
  }

  private sweepShares(): void {
    const now = Date.now();
    for (const [key, { endsAt }] of this.issued) {
      if (endsAt > now) return;
      this.leave(key);
    }
  }

  private leave(key: string): void {
    const found = this.issued.get(key);
    if (found) this.shares.leave(found.principal);
    this.issued.delete(key);
  }

  /** Also of gateways that are no more. What cannot be looked at now is looked at next time. */
  private async sweepFiles(): Promise<void> {
    const oldest = Date.now() - TICKET_MS;
    for (const name of await readdir(this.dir).catch(() => [])) {
      const file = join(this.dir, name);
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Infinity }));
      if (mtimeMs < oldest) await unlink(file).catch(() => undefined);
    }
  }
}

async function removed(file: string): Promise<boolean> {
  try {
    await unlink(file);
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new AppError('UNAVAILABLE', undefined, {}, { cause });
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
