import { isTerminal, type EventEnvelope, type SessionState, type SessionView } from '@orbitmesh/domain';
import type { ApiClient } from '@orbitmesh/api-client';
import { approvalDetails } from './approval-text.js';
import type { Context } from './context.js';
import { EventTeller } from './event-text.js';
import { EXIT } from './exit-code.js';
import { FeedStory } from './feed-story.js';
import { PAGE_ITEMS } from './pages.js';
import { TalkDesk } from './talk-desk.js';
import { cliNameOf } from './terminal.js';

export interface ViewOptions {
  /** Goes on from its newest event to its end. */
  follow: boolean;
  /** Talks back: questions and typed lines on a terminal; with `stdin` the lines of a pipe. */
  talk?: 'terminal' | 'stdin';
  /** Only what the agent writes, as it came. */
  raw?: boolean;
}

/** Exit code 0 when the session came to completed, 1 when it failed; Ctrl-C leaves it running. */
export async function attachTo(context: Context, sessionId: string, talk: ViewOptions['talk'] = 'terminal'): Promise<void> {
  const client = await context.client();
  const first = await client.session(sessionId);
  const viewer = new SessionViewer(context, client, sessionId, { follow: true, talk });
  if (await viewer.view(first)) await tellEnd(context, client, viewer);
}

/** What a session did, and with `follow` what it does; the exit code says nothing about it. */
export async function showLogs(context: Context, sessionId: string, options: ViewOptions): Promise<void> {
  const client = await context.client();
  await new SessionViewer(context, client, sessionId, options).view(await client.session(sessionId));
}

/** How it ended, by the session itself: events tell the way, the document tells the outcome. */
async function tellEnd(context: Context, client: ApiClient, { sessionId, teller }: SessionViewer): Promise<void> {
  const { printer, terminal } = context;
  if (terminal.signal.aborted) {
    const name = cliNameOf(terminal.env);
    printer.note(`Detached; the session goes on. Come back with: ${name} attach ${sessionId}   End it with: ${name} stop ${sessionId}`);
    return;
  }
  const session = await client.session(sessionId);
  printer.document(session);
  if (session.status !== 'completed') context.exitCode = EXIT.failure;
  if (printer.json) return;
  printer.line(teller.outcome(session));
  if (session.outcome?.code === 'auth_required') printer.note(`Its agent has a place of its own, without your login. Give it a key (--secret) or your login (--login): ${cliNameOf(context.terminal.env)} provider add --help`);
}

/** A session's events once each, in order of `sessionSeq`: pages for what was, the feed for what comes. */
class SessionViewer {
  readonly teller: EventTeller;
  private lastSeq = 0;
  private deleted = false;
  private maybeOver = true;
  private desk: TalkDesk | null = null;

  constructor(private readonly context: Context, private readonly client: ApiClient, readonly sessionId: string, private readonly options: ViewOptions) {
    this.teller = new EventTeller(context.printer);
  }

  /** @returns false when the session is no longer there to be asked how it ended */
  async view(first: SessionView): Promise<boolean> {
    if (this.options.follow && !isTerminal(first)) await this.watch(first);
    else await this.catchUp();
    if (this.deleted) this.context.printer.note('The session was deleted.');
    return !this.deleted;
  }

  private async watch(first: SessionView): Promise<void> {
    const { terminal: { signal }, printer } = this.context;
    const { talk } = this.options;
    if (talk) this.desk = new TalkDesk(this.context, this.client, this.sessionId, talk === 'stdin');
    if (first.state === 'created' || first.state === 'starting') printer.progress.show(`${first.name} is starting`);
    const story = new FeedStory(printer);
    try {
      for await (const item of this.client.feed({ sessionIds: [this.sessionId] }, { signal })) {
        story.hear(item);
        // The feed runs before the pages are read, so that nothing falls between them; the same after a gap or a break.
        if (item.type === 'subscribed') await this.catchUp();
        else if (item.type === 'event') this.show(item.event);
        this.desk?.askSoon();
        if (this.deleted || (this.maybeOver && await this.isReallyOver())) return;
      }
    } finally {
      this.desk?.close();
      printer.progress.stop();
    }
  }

  private async catchUp(): Promise<void> {
    for (;;) {
      const { items } = await this.client.sessionEvents(this.sessionId, { after: this.lastSeq, limit: PAGE_ITEMS });
      if (items.length === 0) return;
      for (const event of items) this.show(event);
    }
  }

  /** A commit may pass through an end on its way to another one: the document knows. What it holds more is read first. */
  private async isReallyOver(): Promise<boolean> {
    this.maybeOver = false;
    if (!isTerminal(await this.client.session(this.sessionId))) return false;
    await this.catchUp();
    return true;
  }

  private show(event: EventEnvelope): void {
    const seq = event.sessionSeq ?? 0;
    if (seq <= this.lastSeq) return;
    this.lastSeq = seq;
    if (event.type === 'session:deleted') this.deleted = true;
    if (event.type === 'status_change') this.changed((event.data as { newState: SessionState }).newState);
    this.desk?.see(event);
    this.print(event);
  }

  private changed(state: SessionState): void {
    if (isTerminal(state)) this.maybeOver = true;
    if (state !== 'created' && state !== 'starting') this.context.printer.progress.stop();
  }

  private print(event: EventEnvelope): void {
    const { printer } = this.context;
    if (this.options.raw && event.type !== 'output') return;
    if (printer.json) printer.document(event);
    else if (event.type === 'output') this.aside(() => printer.raw(String((event.data as { content?: unknown }).content ?? '')));
    else {
      const line = this.teller.line(event);
      if (line !== null) this.aside(() => [line, ...(event.type === 'approval_requested' ? approvalDetails((event.data as { toolCall?: unknown }).toolCall) : [])].forEach((one) => printer.line(one)));
    }
  }

  private aside(print: () => void): void {
    if (this.desk) this.desk.aside(print);
    else print();
  }
}
