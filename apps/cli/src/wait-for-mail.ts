import { MAIL_WAIT_SECONDS_MAX } from '@orbitmesh/contracts/wire';
import { sessionOf, type Context } from './context.js';
import { CliError, EXIT } from './exit-code.js';
import { arrivedText } from './mail-text.js';
import { nextMail } from './next-mail.js';
import type { Call } from './site.js';
import { cliNameOf } from './terminal.js';

/** Prints what comes. @throws CliError WAIT_TIMEOUT when nothing came in time */
export async function waitForMail(context: Context, { args: [given], options: { after, timeout } }: Call<{ after?: string; timeout?: number }, [session?: string]>): Promise<void> {
  const sessionId = sessionOf(context, given);
  const { printer, terminal } = context;
  printer.progress.show(`waiting for mail to ${sessionId}`);
  const { items } = await nextMail({
    client: await context.client(), sessionId, after: after ?? null, timeoutMs: timeout === undefined ? Infinity : timeout * 1_000, sliceSeconds: MAIL_WAIT_SECONDS_MAX, signal: terminal.signal,
    onStillWaiting: (away) => { if (away) printer.note(`(${away.message} Still waiting.)`); },
  });
  if (items.length === 0) throw new CliError(EXIT.failure, `No mail came in ${timeout} s.`, { code: 'WAIT_TIMEOUT', hint: 'Wait longer with --timeout, or go on and look later: % mail inbox' });
  printer.progress.stop();
  for (const mail of items) printer.result(mail, () => arrivedText(printer, mail, cliNameOf(terminal.env)));
}
