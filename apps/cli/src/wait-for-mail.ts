import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from '@orbitmesh/contracts';
import { MAIL_WAIT_SECONDS_MAX } from '@orbitmesh/contracts/wire';
import type { Mail } from '@orbitmesh/domain';
import { sessionOf, type Context } from './context.js';
import { CliError, EXIT, exitCodeOf } from './exit-code.js';
import { WAIT_AGAIN_MS } from './limits.js';
import { arrivedText } from './mail-text.js';
import type { Call } from './site.js';
import { cliNameOf } from './terminal.js';

/** Prints what comes. @throws CliError WAIT_TIMEOUT when nothing came in time */
export async function waitForMail(context: Context, { args: [given], options: { after, timeout } }: Call<{ after?: string; timeout?: number }, [session?: string]>): Promise<void> {
  const sessionId = sessionOf(context, given);
  const { printer, terminal } = context;
  printer.progress.show(`waiting for mail to ${sessionId}`);
  const until = timeout === undefined ? Infinity : performance.now() + timeout * 1_000;
  let wait: Page<Mail> = { items: [], nextCursor: after ?? null };
  for (let heard = false; wait.items.length === 0; heard = true) {
    const left = until - performance.now();
    if (heard && left <= 0) throw new CliError(EXIT.failure, `No mail came in ${timeout} s.`, { code: 'WAIT_TIMEOUT', hint: 'Wait longer with --timeout, or go on and look later: % mail inbox' });
    wait = await oneWait(context, sessionId, wait.nextCursor, left, heard);
  }
  printer.progress.stop();
  for (const mail of wait.items) printer.result(mail, () => arrivedText(printer, mail, cliNameOf(terminal.env)));
}

/** Once it was heard, a server that is away for a while is waited for like the mail itself. */
async function oneWait(context: Context, sessionId: string, after: string | null, leftMs: number, heard: boolean): Promise<Page<Mail>> {
  const timeout = Math.max(0, Math.min(MAIL_WAIT_SECONDS_MAX, Math.ceil(leftMs / 1_000)));
  try {
    const { items, nextCursor } = await (await context.client()).waitForMail(sessionId, { after: after ?? undefined, timeout });
    return { items, nextCursor: nextCursor ?? after };
  } catch (error) {
    if (!heard || exitCodeOf(error) !== EXIT.unreachable) throw error;
    context.printer.note(`(${(error as Error).message} Still waiting.)`);
    await delay(Math.min(WAIT_AGAIN_MS, Math.max(0, leftMs)), undefined, { signal: context.terminal.signal });
    return { items: [], nextCursor: after };
  }
}
