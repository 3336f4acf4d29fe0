import { isTerminal, type SessionView } from '@orbitmesh/domain';
import type { ApiClient } from '@orbitmesh/api-client';
import type { Context } from '../context.js';
import { EventTeller } from '../event-text.js';
import { CliError, EXIT } from '../exit-code.js';
import { FeedStory } from '../feed-story.js';
import { seconds } from '../options.js';
import type { Call, Register } from '../site.js';

const AWAITED = ['ended', 'needs-input', 'idle', 'mail'] as const;
type Awaited = (typeof AWAITED)[number];
interface WaitOptions { for?: Awaited; timeout?: number; any?: boolean }

export const registerWait: Register = (program) => {
  program.add<WaitOptions, [sessions: string[]]>({
    name: 'wait', about: 'wait until sessions have ended, or come to something else', args: [['<session...>', 'their ids']], prints: 'documents',
    options: [
      ['--for <what>', 'ended (default); needs-input: it needs somebody; idle: it waits for more input; mail: there is mail to it that was not read', AWAITED],
      ['--any', 'until the first of them has come to it (default: until all have)'], ['--timeout <seconds>', 'give up after so long (default: never)', seconds],
    ],
    more: 'It prints each session when it has come to it. Exit code 0; 1 when one of them failed, ended before it came to it, or when time is up (code WAIT_TIMEOUT).',
  }, wait);
};

async function wait(context: Context, { args: [ids], options }: Call<WaitOptions, [string[]]>): Promise<void> {
  const client = await context.client();
  const time = new AbortController();
  const timer = options.timeout === undefined ? undefined : setTimeout(() => time.abort(), options.timeout * 1_000);
  const waiting = new Waiting(context, client, ids, options);
  try {
    await waiting.run(AbortSignal.any([context.terminal.signal, time.signal]));
  } finally {
    clearTimeout(timer);
  }
  if (!waiting.over) {
    context.terminal.signal.throwIfAborted();
    throw new CliError(EXIT.failure, `${waiting.left.join(', ')}: not ${options.for ?? 'ended'} in ${options.timeout} s.`, { code: 'WAIT_TIMEOUT', hint: 'How it is now: % session show SESSION' });
  }
}

/** What is watched is the feed; what decides is each session's document, read after the feed runs. */
class Waiting {
  private readonly open: Set<string>;
  private readonly teller: EventTeller;
  private come = 0;

  constructor(private readonly context: Context, private readonly client: ApiClient, ids: readonly string[], private readonly options: WaitOptions) {
    this.open = new Set(ids);
    this.teller = new EventTeller(context.printer);
  }

  get left(): string[] {
    return [...this.open];
  }

  get over(): boolean {
    return this.open.size === 0 || (this.options.any === true && this.come > 0);
  }

  async run(signal: AbortSignal): Promise<void> {
    this.say();
    const story = new FeedStory(this.context.printer);
    for await (const item of this.client.feed({ sessionIds: this.left }, { signal })) {
      story.hear(item);
      if (item.type === 'subscribed') await this.look(this.left);
      else if (item.type === 'event' && item.event.sessionId !== undefined && tells(item.event.type)) await this.look([item.event.sessionId]);
      if (this.over) return;
    }
  }

  private async look(ids: readonly string[]): Promise<void> {
    for (const id of ids.filter((one) => this.open.has(one))) {
      const session = await this.client.session(id);
      const come = await this.hasCome(session);
      if (!come && !isTerminal(session)) continue;
      this.open.delete(id);
      if (come) this.come += 1;
      this.tell(session, come);
      if (this.over) return;
    }
    this.say();
  }

  private async hasCome(session: SessionView): Promise<boolean> {
    switch (this.options.for ?? 'ended') {
      case 'ended': return isTerminal(session);
      case 'needs-input': return session.needsInput?.active === true;
      case 'idle': return session.state === 'running' && (session.activity === 'idle' || session.activity === 'waiting_input');
      case 'mail': return (await this.client.inbox(session.id, { unread: true, limit: 1 })).items.length > 0;
    }
  }

  private tell(session: SessionView, come: boolean): void {
    const { printer } = this.context;
    if (!come || ((this.options.for ?? 'ended') === 'ended' && session.status === 'failed')) this.context.exitCode = EXIT.failure;
    printer.result(session, () => `${session.id}  ${this.words(session)}`);
  }

  private words(session: SessionView): string {
    if (isTerminal(session)) return this.teller.outcome(session);
    return this.options.for === 'needs-input' ? `needs input: ${session.needsInput?.message ?? ''}` : this.options.for ?? 'ended';
  }

  private say(): void {
    const [first] = this.open;
    this.context.printer.progress.show(`waiting for ${this.open.size === 1 ? first : `${this.open.size} sessions`}: ${this.options.for ?? 'ended'}`);
  }
}

/** Output and thoughts alone change nothing that is waited for. */
function tells(type: string): boolean {
  return type === 'status_change' || type === 'metadata' || type === 'timeline' || type.startsWith('session:') || type.startsWith('mail:') || type.startsWith('approval_');
}
