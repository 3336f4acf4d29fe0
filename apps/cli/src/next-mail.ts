import { setTimeout as delay } from 'node:timers/promises';
import type { ApiClient } from '@orbitmesh/api-client';
import type { Page } from '@orbitmesh/contracts';
import type { Mail } from '@orbitmesh/domain';
import { EXIT, exitCodeOf } from './exit-code.js';
import { WAIT_AGAIN_MS } from './limits.js';

export interface MailWait {
  client: ApiClient;
  sessionId: string;
  /** Only what came after this one; null: also what is there and was not read. */
  after: string | null;
  /** Infinity: for ever. */
  timeoutMs: number;
  /** The server is asked to wait so long at a time. */
  sliceSeconds: number;
  /** Calls the wait off, at the server too: nothing is given out to nobody. */
  signal: AbortSignal;
  /** Nothing came yet; `away` where the server cannot be reached now. */
  onStillWaiting(away?: Error): void | Promise<void>;
}

/** What comes first, or nothing in time. Once it was heard, a server that goes away is waited for like the mail itself. @throws ApiError, UnreachableError, what `signal` was aborted with */
export async function nextMail(wait: MailWait): Promise<Page<Mail>> {
  const until = performance.now() + wait.timeoutMs;
  let page: Page<Mail> = { items: [], nextCursor: wait.after };
  for (let heard = false; ; heard = true) {
    const leftMs = until - performance.now();
    if (heard && leftMs <= 0) return page;
    page = await oneSlice({ ...wait, after: page.nextCursor }, leftMs, heard);
    if (page.items.length > 0) return page;
  }
}

async function oneSlice(wait: MailWait, leftMs: number, heard: boolean): Promise<Page<Mail>> {
  const { client, sessionId, after, signal } = wait;
  const timeout = Math.max(0, Math.min(wait.sliceSeconds, Math.ceil(leftMs / 1_000)));
  const since = performance.now();
  let page: Page<Mail> = { items: [], nextCursor: after };
  try {
    const { items, nextCursor } = await client.waitForMail(sessionId, { after: after ?? undefined, timeout }, { signal });
    page = { items, nextCursor: nextCursor ?? after };
    if (items.length > 0) return page;
    await wait.onStillWaiting();
    // A gateway that is leaving answers at once, with nothing: it is not asked in a loop.
    if (performance.now() - since < timeout * 500) await pause(leftMs, signal);
  } catch (error) {
    if (!heard || exitCodeOf(error) !== EXIT.unreachable) throw error;
    await wait.onStillWaiting(error as Error);
    await pause(leftMs, signal);
  }
  return page;
}

function pause(leftMs: number, signal: AbortSignal): Promise<void> {
  return delay(Math.min(WAIT_AGAIN_MS, Math.max(0, leftMs)), undefined, { signal });
}
