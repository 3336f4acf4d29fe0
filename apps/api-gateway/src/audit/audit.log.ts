import { join } from 'node:path';
import { Inject, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { isId, newUlidSource } from '@orbitmesh/domain';
import type { AuditActor, AuditEntry, AuditQueryDto, Page } from '@orbitmesh/contracts';
import { LOGGER, Metrics, type Logger } from '@orbitmesh/service-kit';
import type { Principal } from '../auth/principal.js';
import { isTokenInUrl } from '../auth/url-token.js';
import { GatewayConfig } from '../gateway.config.js';
import { AUDIT_AGENT_ENTRIES_PER_MINUTE, AUDIT_HEADER_CHARS_MAX, AUDIT_PAGE_ITEMS, AUDIT_REFUSED_PER_MINUTE, AUDIT_RETRY_MS, AUDIT_WAITING_MAX } from '../limits.js';
import { AuditFiles, type Place } from './audit-files.js';

/** Reads that hand out what is to be kept. */
const READS: ReadonlySet<string> = new Set(['/api/webhooks/:id/secret', '/api/audit']);
const REFUSED: ReadonlySet<number | null> = new Set([401, 403]);
const MINUTE_MS = 60_000;

declare module 'fastify' {
  interface FastifyRequest {
    /** The code that it was refused with, or failed. */
    failure: string | null;
  }
}

export type Deed = Omit<AuditEntry, 'id' | 'at' | 'more'>;

/** Who did what, to what, from where (ADR-0033): what changes something, hands out a secret, or is refused. */
@Injectable()
export class AuditLog implements OnModuleDestroy {
  private readonly files: AuditFiles;
  private readonly newId = newUlidSource(() => Date.now());
  private waiting: AuditEntry[] = [];
  private writing: Promise<void> | undefined;
  private stopping = false;
  private minute: NodeJS.Timeout | undefined;
  /** Of the minute that began with the first of them, by whoever is counted, and the last that was not written by itself. */
  private readonly counts = new Map<string, { seen: number; unwritten?: AuditEntry }>();

  constructor(@Inject(GatewayConfig) config: GatewayConfig, @Inject(Metrics) private readonly metrics: Metrics, @Inject(LOGGER) private readonly logger: Logger) {
    this.files = new AuditFiles(join(config.home, 'api-gateway', 'audit'));
  }

  /** A request is over. @param reply as it was sent, or not */
  answered(request: FastifyRequest, reply: Pick<FastifyReply, 'raw' | 'getHeader'>): void {
    const { raw } = reply;
    const url = request.routeOptions?.url;
    const status = raw.headersSent ? raw.statusCode : null;
    if (isOrdinaryRead(request, status)) return;
    this.record({
      actor: actorOf(request.principal), action: `${request.method} ${url ?? '(no route)'}`, target: targetOf(request.params, reply.getHeader('location')),
      status, ...(request.failure && { code: request.failure }), from: callerOf(request.raw), traceId: request.id,
    });
  }

  record(deed: Deed): void {
    const entry: AuditEntry = { id: this.newId('auditEntry'), at: new Date().toISOString(), ...deed };
    if (this.admits(entry)) this.write(entry);
  }

  /** Newest first. */
  async page({ limit = AUDIT_PAGE_ITEMS, cursor, ...filter }: AuditQueryDto): Promise<Page<AuditEntry>> {
    const items: AuditEntry[] = [];
    let nextCursor: string | null = null;
    for await (const { line, place: { number, index } } of this.files.newestFirst(placeOf(cursor))) {
      const entry = parse(line);
      if (entry === null || !matches(entry, filter)) continue;
      if (items.length === limit) return { items, nextCursor };
      items.push(entry);
      nextCursor = `${number}.${index}`;
    }
    return { items, nextCursor: null };
  }

  async onModuleDestroy(): Promise<void> {
    this.endMinute();
    this.stopping = true;
    await this.writing;
    await this.files.close();
  }

  /**
   * Nobody may push out of these files what others did: past so many a minute those of a stranger and of an agent are counted, and of a
   * user those that came to nothing. What a user changed is told, always.
   */
  private admits(entry: AuditEntry): boolean {
    const { actor, status } = entry;
    if (actor.kind === 'admin' || (actor.kind === 'user' && status !== null && status < 400)) return true;
    this.minute ??= setTimeout(() => this.endMinute(), MINUTE_MS).unref();
    const key = actor.kind === 'agent' ? actor.sessionId : actor.kind === 'user' ? actor.tokenId : actor.kind;
    const count = this.counts.get(key) ?? { seen: 0 };
    this.counts.set(key, count);
    count.seen += 1;
    if (count.seen <= (actor.kind === 'agent' ? AUDIT_AGENT_ENTRIES_PER_MINUTE : AUDIT_REFUSED_PER_MINUTE)) return true;
    count.unwritten = { ...entry, ...(count.unwritten && { more: (count.unwritten.more ?? 0) + 1 }) };
    return false;
  }

  private endMinute(): void {
    clearTimeout(this.minute);
    this.minute = undefined;
    for (const { unwritten } of this.counts.values()) if (unwritten !== undefined) this.write({ ...unwritten, id: this.newId('auditEntry') });
    this.counts.clear();
  }

  private write(entry: AuditEntry): void {
    if (this.waiting.length >= AUDIT_WAITING_MAX) {
      this.metrics.count('orbitmesh_audit_entries_lost_total', 'Entries of the audit log that could not be written.');
      return;
    }
    this.waiting.push(entry);
    this.writing ??= this.drain().finally(() => (this.writing = undefined));
  }

  private async drain(): Promise<void> {
    for (let failed = false; this.waiting.length > 0;) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        await this.files.append(batch.map((entry) => JSON.stringify(entry)));
        failed = false;
      } catch (err) {
        if (!failed) this.logger.error({ err, entries: batch.length }, 'the audit log cannot be written; it is tried again');
        failed = true;
        this.waiting = [...batch, ...this.waiting].slice(0, AUDIT_WAITING_MAX);
        if (this.stopping) return;
        await new Promise((resolve) => { setTimeout(resolve, AUDIT_RETRY_MS).unref(); });
      }
    }
  }
}

/** A dashboard makes thousands of them. Whoever sent a token in a URL has shown it, and an agent that asks for what is not there, or not its own, may be looking around. */
function isOrdinaryRead({ method, routeOptions, raw, principal }: FastifyRequest, status: number | null): boolean {
  if (method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS') return false;
  const strange = REFUSED.has(status) || (status === 404 && principal?.agent !== undefined) || (status === 400 && isTokenInUrl(raw.url));
  return !strange && !READS.has(routeOptions?.url ?? '');
}

export function actorOf(principal: Principal | null): AuditActor {
  return principal?.actor ?? { kind: 'nobody' };
}

/** The address of the peer: what a header says of others is for whoever stands before us to say. */
export function callerOf({ socket, headers: { origin, 'user-agent': userAgent } }: Pick<FastifyRequest['raw'], 'socket' | 'headers'>): AuditEntry['from'] {
  const cut = (text: string): string => text.slice(0, AUDIT_HEADER_CHARS_MAX);
  return { address: socket.remoteAddress ?? '', ...(origin !== undefined && { origin: cut(origin) }), ...(userAgent !== undefined && { userAgent: cut(userAgent) }) };
}

function targetOf(params: unknown, location: unknown): Record<string, string> {
  const named = Object.entries((params ?? {}) as Record<string, string>).map(([name, value]): [string, string] => [name, isId(value) ? value : '(no id)']);
  const made = typeof location === 'string' ? location.slice(location.lastIndexOf('/') + 1) : undefined;
  return { ...Object.fromEntries(named), ...(made !== undefined && isId(made) && { created: made }) };
}

function matches({ actor, target, status, at }: AuditEntry, { actor: by, on, refused, since }: Omit<AuditQueryDto, 'limit' | 'cursor'>): boolean {
  const failed = status === null || status >= 400;
  if (refused !== undefined && refused !== failed) return false;
  if (since !== undefined && Date.parse(at) < Date.parse(since)) return false;
  if (on !== undefined && !Object.values(target).includes(on)) return false;
  return by === undefined || by === (actor.kind === 'user' ? actor.tokenId : actor.kind === 'agent' ? actor.sessionId : actor.kind);
}

function placeOf(cursor: string | undefined): Place | undefined {
  const [number, index] = cursor?.split('.').map(Number) ?? [];
  return number === undefined ? undefined : { number, index };
}

/** null: a crash has cut it, or somebody has written there. */
function parse(line: string): AuditEntry | null {
  try {
    const entry = JSON.parse(line) as Partial<AuditEntry> | null;
    return typeof entry?.id === 'string' && typeof entry.at === 'string' && typeof entry.actor === 'object' && typeof entry.target === 'object' ? entry as AuditEntry : null;
  } catch {
    return null;
  }
}
