import { createInterface, type Interface } from 'node:readline/promises';
import type { EventEnvelope } from '@orbitmesh/domain';
import { ApiError, type ApiClient } from '@orbitmesh/api-client';
import type { Context } from './context.js';
import { ASK_DELAY_MS } from './limits.js';
import { cliNameOf, printable } from './terminal.js';

/**
 * The open questions of a session. On a terminal they are put to the person, one after another, y or n; elsewhere it says how
 * to answer. Whoever answers first, here or elsewhere, settles it.
 */
export class ApprovalDesk {
  private readonly open = new Map<string, string>();
  private readonly closing = new AbortController();
  private readonly interactive: boolean;
  private prompt: Interface | undefined;
  private asking: { approvalId: string; withdraw: AbortController } | null = null;
  /** The last line of the terminal is a question. */
  private onScreen = false;
  private closed = false;
  private soon: NodeJS.Timeout | undefined;

  constructor(private readonly context: Context, private readonly client: ApiClient, private readonly sessionId: string) {
    const { stdin, stdout } = context.terminal;
    this.interactive = stdin.isTTY === true && stdout.isTTY === true && !context.printer.json;
  }

  /** Keeps count of what is open; asks nothing yet, for a page may hold the question and its answer. */
  see(event: EventEnvelope): void {
    const { approvalId, title } = event.data as { approvalId?: unknown; title?: unknown };
    if (event.type === 'approval_requested') this.open.set(String(approvalId), String(title));
    else if (event.type === 'approval_resolved') {
      this.open.delete(String(approvalId));
      if (this.asking?.approvalId === approvalId) this.withdraw();
    }
  }

  /** Prints while a question may stand on the last line: the line is cleared for it, and the question put back below. */
  aside(print: () => void): void {
    if (!this.onScreen) {
      print();
      return;
    }
    this.clearLine();
    print();
    this.context.printer.endLine();
    this.prompt?.prompt(true);
  }

  /** Puts the next open question soon: what a policy answers is answered in the same breath. */
  askSoon(): void {
    if (this.open.size === 0 || this.closed) return;
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      this.ask();
    }, ASK_DELAY_MS);
  }

  /** Unless one is already put. */
  private ask(): void {
    const next = this.open.entries().next().value;
    if (!next || this.asking || this.closed) return;
    const [approvalId, title] = next;
    if (!this.interactive) {
      this.open.delete(approvalId);
      this.askSoon();
      this.context.printer.note(`It asks for permission. Answer with: ${cliNameOf(this.context.terminal.env)} approve ${this.sessionId} ${approvalId}   (or --deny)`);
      return;
    }
    this.asking = { approvalId, withdraw: new AbortController() };
    void this.settle(approvalId, title, AbortSignal.any([this.asking.withdraw.signal, this.closing.signal])).finally(() => {
      this.open.delete(approvalId);
      this.asking = null;
      this.askSoon();
    });
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.soon);
    if (this.onScreen) this.clearLine();
    this.onScreen = false;
    this.closing.abort();
    this.prompt?.close();
  }

  /** Answered elsewhere. What was typed so far was for this question, and must not answer the next one. */
  private withdraw(): void {
    if (this.onScreen) this.clearLine();
    this.onScreen = false;
    this.asking?.withdraw.abort();
    this.prompt?.close();
    this.prompt = undefined;
  }

  private clearLine(): void {
    this.context.terminal.stderr.write('\r\u001b[K');
  }

  private async settle(approvalId: string, title: string, signal: AbortSignal): Promise<void> {
    const decision = await this.decide(title, signal);
    if (decision === null) return;
    try {
      await this.client.answerApproval(this.sessionId, approvalId, { decision });
    } catch (error) {
      const answered = error instanceof ApiError && error.status === 409;
      this.context.printer.note(answered ? 'Somebody else answered first.' : `The answer did not arrive: ${(error as Error).message}`);
    }
  }

  /** null: withdrawn before it was answered. */
  private async decide(title: string, signal: AbortSignal): Promise<'allow' | 'deny' | null> {
    // Not given to the question itself: it would answer an abort with a line feed.
    const withdrawn = new Promise<null>((resolve) => { signal.addEventListener('abort', () => resolve(null), { once: true }); });
    while (!signal.aborted) {
      this.context.printer.endLine();
      this.onScreen = true;
      const question = this.readline().question(`${printable(title)}: allow? [y/n] `).catch(() => null);
      const answer = await Promise.race([question, withdrawn]);
      this.onScreen = false;
      if (answer === null) return null;
      if (/^y(es)?$/i.test(answer.trim())) return 'allow';
      if (/^no?$/i.test(answer.trim())) return 'deny';
    }
    return null;
  }

  private readline(): Interface {
    if (!this.prompt) {
      const { stdin, stderr, interrupt } = this.context.terminal;
      this.prompt = createInterface({ input: stdin, output: stderr });
      // With a prompt open, the terminal gives us Ctrl-C as a key.
      this.prompt.on('SIGINT', interrupt);
    }
    return this.prompt;
  }
}
