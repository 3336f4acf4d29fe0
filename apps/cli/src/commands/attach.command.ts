import type { EventEnvelope, SessionState } from '@orbitmesh/domain';
import type { ApiClient } from '@orbitmesh/api-client';
import { ApprovalDesk } from '../approval-desk.js';
import type { Context, Register } from '../context.js';
import { EventTeller } from '../event-text.js';
import { EXIT } from '../exit-code.js';
import { isOver } from '../session-text.js';
import { cliNameOf } from '../terminal.js';

const PAGE = 200;

export const registerAttach: Register = (program, run) => {
  program.command('attach').description('watch a session, from its beginning to its end; on a terminal, answer what it asks').argument('<session>').action(run(attachTo));
};

/** Exit code 0 when the session came to completed, 1 when it failed; Ctrl-C leaves it running. */
export async function attachTo(context: Context, sessionId: string): Promise<void> {
  const client = await context.client();
  const first = await client.session(sessionId);
  const viewer = new SessionViewer(context, client, sessionId);
  if (!isOver(first.state)) await viewer.watch();
  else await viewer.catchUp();
  await viewer.finish();
}

/** A session's events once each, in order of `sessionSeq`: pages for what was, the feed for what comes. */
class SessionViewer {
  private lastSeq = 0;
  private deleted = false;
  private maybeOver = true;
  private readonly desk: ApprovalDesk;
  private readonly teller: EventTeller;

  constructor(private readonly context: Context, private readonly client: ApiClient, private readonly sessionId: string) {
    this.teller = new EventTeller(context.printer);
    this.desk = new ApprovalDesk(context, client, sessionId);
  }

  async watch(): Promise<void> {
    const { signal } = this.context.terminal;
    try {
      for await (const item of this.client.feed({ sessionIds: [this.sessionId] }, { signal })) {
        // The feed runs before the pages are read, so that nothing falls between them; the same after a gap or a break.
        if (item.type === 'subscribed') await this.catchUp();
        else if (item.type === 'event') this.show(item.event);
        else if (item.type === 'degraded' || item.type === 'disconnected') this.context.printer.note(`(${item.reason})`);
        this.desk.askSoon();
        if (this.deleted || (this.maybeOver && await this.isReallyOver())) return;
      }
    } finally {
      this.desk.close();
    }
  }

  async catchUp(): Promise<void> {
    for (;;) {
      const { items } = await this.client.sessionEvents(this.sessionId, { after: this.lastSeq, limit: PAGE });
      if (items.length === 0) return;
      for (const event of items) this.show(event);
    }
  }

  /** How it ended, by the session itself: events tell the way, the document tells the outcome. */
  async finish(): Promise<void> {
    const { printer, terminal } = this.context;
    if (this.deleted) {
      printer.note('The session was deleted.');
      return;
    }
    if (terminal.signal.aborted) {
      const name = cliNameOf(terminal.env);
      printer.note(`Detached; the session goes on. Come back with: ${name} attach ${this.sessionId}   End it with: ${name} stop ${this.sessionId}`);
      return;
    }
    const session = await this.client.session(this.sessionId);
    printer.document(session);
    if (session.status !== 'completed') this.context.exitCode = EXIT.failure;
    if (!printer.json) printer.line(this.teller.outcome(session));
  }

  /** A commit may pass through an end on its way to another one: the document knows. What it holds more is read first. */
  private async isReallyOver(): Promise<boolean> {
    this.maybeOver = false;
    if (!isOver((await this.client.session(this.sessionId)).state)) return false;
    await this.catchUp();
    return true;
  }

  private show(event: EventEnvelope): void {
    const seq = event.sessionSeq ?? 0;
    if (seq <= this.lastSeq) return;
    this.lastSeq = seq;
    if (event.type === 'session:deleted') this.deleted = true;
    if (event.type === 'status_change' && isOver((event.data as { newState: SessionState }).newState)) this.maybeOver = true;
    this.desk.see(event);
    this.print(event);
  }

  private print(event: EventEnvelope): void {
    const { printer } = this.context;
    if (printer.json) {
      printer.document(event);
      return;
    }
    if (event.type === 'output') {
      this.desk.aside(() => printer.raw(String((event.data as { content?: unknown }).content ?? '')));
      return;
    }
    const line = this.teller.line(event);
    if (line !== null) this.desk.aside(() => printer.line(line));
  }
}
