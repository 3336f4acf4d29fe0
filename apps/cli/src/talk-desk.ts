import { createInterface, type Interface } from 'node:readline';
import type { EventEnvelope } from '@orbitmesh/domain';
import { ApiError, type ApiClient } from '@orbitmesh/api-client';
import type { Context } from './context.js';
import { ASK_DELAY_MS } from './limits.js';
import { cliNameOf, printable } from './terminal.js';

const CLEAR_LINE = '\r\u001b[K';

/**
 * Where who watches a session talks back to it. On a terminal its open questions are put, one after another, y or n, and any
 * other line typed is said to the agent; elsewhere it says how to answer, and reads stdin only when told to. Whoever answers
 * first, here or elsewhere, settles a question.
 */
export class TalkDesk {
  private readonly open = new Map<string, string>();
  private readonly terminal: boolean;
  private lines: Interface | undefined;
  /** The question that the next line answers. */
  private asking: { approvalId: string; take: (line: string | null) => void } | null = null;
  /** From the question to the answer's arrival; one at a time. */
  private settling = false;
  /** The last line of the terminal is a question. */
  private onScreen = false;
  private closed = false;
  private soon: NodeJS.Timeout | undefined;
  private saying: Promise<void> = Promise.resolve();

  /** @param fromStdin lines of a pipe are said to the agent, too */
  constructor(private readonly context: Context, private readonly client: ApiClient, private readonly sessionId: string, private readonly fromStdin: boolean) {
    const { stdin, stdout } = context.terminal;
    this.terminal = stdin.isTTY === true && stdout.isTTY === true && !context.printer.json;
    if (this.terminal || fromStdin) this.read();
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

  /** Prints while a question or a half typed line may stand below: the line is cleared for it, and put back. */
  aside(print: () => void): void {
    if (!this.onScreen && !this.typed) {
      print();
      return;
    }
    this.clearLine();
    print();
    this.context.printer.endLine();
    this.lines?.prompt(true);
  }

  /** Puts the next open question soon: what a policy answers is answered in the same breath. */
  askSoon(): void {
    if (this.open.size === 0 || this.closed) return;
    this.soon ??= setTimeout(() => {
      this.soon = undefined;
      this.ask();
    }, ASK_DELAY_MS);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.soon);
    this.withdraw();
  }

  private get typed(): boolean {
    return this.lines?.terminal === true && this.lines.line !== '';
  }

  /** Unless one is already put. */
  private ask(): void {
    const next = this.open.entries().next().value;
    if (!next || this.settling || this.closed) return;
    const [approvalId, title] = next;
    // Where nobody can type, or no longer.
    if (!this.terminal || !this.lines) {
      this.open.delete(approvalId);
      this.askSoon();
      this.context.printer.note(`It asks for permission. Answer with: ${cliNameOf(this.context.terminal.env)} approve ${this.sessionId} ${approvalId}   (or --deny)`);
      return;
    }
    this.settling = true;
    void this.settle(approvalId, title).finally(() => {
      this.open.delete(approvalId);
      this.settling = false;
      this.askSoon();
    });
  }

  /** Answered elsewhere, or over. What was typed so far was for this question, and must not answer the next one. */
  private withdraw(): void {
    if (this.onScreen || this.typed) this.clearLine();
    this.onScreen = false;
    const { lines } = this;
    this.lines = undefined;
    lines?.close();
    this.asking?.take(null);
    if (!this.closed && this.terminal) this.read();
  }

  private clearLine(): void {
    this.context.terminal.stderr.write(CLEAR_LINE);
  }

  private async settle(approvalId: string, title: string): Promise<void> {
    const decision = await this.decide(approvalId, title);
    if (decision === null) return;
    try {
      await this.client.answerApproval(this.sessionId, approvalId, { decision });
    } catch (error) {
      const answered = error instanceof ApiError && error.status === 409;
      this.context.printer.note(answered ? 'Somebody else answered first.' : `The answer did not arrive: ${(error as Error).message}`);
    }
  }

  /** null: withdrawn before it was answered. */
  private async decide(approvalId: string, title: string): Promise<'allow' | 'deny' | null> {
    for (;;) {
      const answered = new Promise<string | null>((take) => { this.asking = { approvalId, take }; });
      this.context.printer.endLine();
      this.onScreen = true;
      this.lines?.setPrompt(`${printable(title)}: allow? [y/n] `);
      this.lines?.prompt();
      const answer = await answered;
      this.onScreen = false;
      this.asking = null;
      this.lines?.setPrompt('');
      if (answer === null) return null;
      if (/^y(es)?$/i.test(answer.trim())) return 'allow';
      if (/^no?$/i.test(answer.trim())) return 'deny';
    }
  }

  private read(): void {
    const { stdin, stderr, interrupt } = this.context.terminal;
    const lines = createInterface(this.terminal ? { input: stdin, output: stderr, prompt: '' } : { input: stdin });
    this.lines = lines;
    // With a line being read, the terminal gives us Ctrl-C as a key.
    lines.on('SIGINT', interrupt);
    lines.on('line', (line) => {
      if (this.asking) this.asking.take(line);
      else if (line.trim() !== '') this.say(line);
    });
    // Ctrl-D, or the end of the pipe: from here on it is only watched.
    lines.on('close', () => {
      if (this.lines !== lines) return;
      this.lines = undefined;
      this.onScreen = false;
      const { asking } = this;
      asking?.take(null);
      if (asking) this.context.printer.note(`Left open. Answer with: ${cliNameOf(this.context.terminal.env)} approve ${this.sessionId} ${asking.approvalId}   (or --deny)`);
    });
  }

  /** One after another, in the order in which they were typed. */
  private say(line: string): void {
    this.saying = this.saying.then(async () => {
      if (this.closed) return;
      await this.client.input(this.sessionId, line).catch((error: Error) => this.context.printer.note(`The agent was not told: ${error.message}`));
    });
  }
}
