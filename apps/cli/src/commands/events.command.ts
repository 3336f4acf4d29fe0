import { InvalidArgumentError } from 'commander';
import { ApiError, type ApiClient } from '@orbitmesh/api-client';
import { eventMatchOf, type EventFilterDto } from '@orbitmesh/contracts';
import type { EventEnvelope } from '@orbitmesh/domain';
import type { Context, Register } from '../context.js';
import { EventTeller } from '../event-text.js';
import { EVENTS_LIMIT_DEFAULT } from '../limits.js';

interface EventsOptions { follow?: boolean; session?: string[]; project?: string; task?: string[]; type?: string[]; after?: string; limit?: number }
const PAGE = 200;

export const registerEvents: Register = (program, run) => {
  const more = (value: string, before: string[] = []) => [...before, value];
  program.command('events').description('show the feed: what happened, or with -f what happens now')
    .option('-f, --follow', 'wait for what happens from now on (or after --after), until Ctrl-C')
    .option('--session <id>', 'only of this session; may be repeated', more)
    .option('--project <id>', 'only of this project')
    .option('--task <id>', 'only of this task; may be repeated', more)
    .option('--type <type>', 'only of this type, e.g. output or task:*; may be repeated', more)
    .option('--after <cursor>', 'begin after this cursor, as --json shows it')
    .option('--limit <n>', `at most so many events (default ${EVENTS_LIMIT_DEFAULT} without -f)`, whole)
    .action(run(events));
};

async function events(context: Context, options: EventsOptions): Promise<void> {
  const client = await context.client();
  const filter: Partial<EventFilterDto> = { sessionIds: options.session, projectId: options.project, taskIds: options.task, types: options.type };
  const source = options.follow ? follow(context, client, filter, options.after) : past(client, filter, options.after);
  // What was of a session that is deleted is still told; only what nobody ever heard of is not there.
  if (options.follow) await checkNamed(client, options);
  let none = true;
  let left = options.limit ?? (options.follow ? Infinity : EVENTS_LIMIT_DEFAULT);
  const teller = new EventTeller(context.printer);
  for await (const event of source) {
    none = false;
    context.printer.result(event, () => teller.feedLine(event));
    if (--left <= 0 || context.terminal.signal.aborted) return;
  }
  if (none && !options.follow) await checkNamed(client, options);
}

/** A typing error must not look like silence. @throws ApiError 404 */
async function checkNamed(client: ApiClient, { session = [], task = [], project }: EventsOptions): Promise<void> {
  const reads = [...session.map((id) => client.session(id)), ...task.map((id) => client.task(id)), ...(project === undefined ? [] : [client.project(project)])];
  for (const read of await Promise.allSettled(reads)) {
    // Whatever else it may not do (an agent sees only its own) the feed itself says.
    if (read.status === 'rejected' && read.reason instanceof ApiError && read.reason.status === 404) throw read.reason;
  }
}

async function* past(client: ApiClient, filter: Partial<EventFilterDto>, after?: string): AsyncGenerator<EventEnvelope> {
  const match = eventMatchOf(filter);
  for (;;) {
    const { items, nextCursor } = await client.events({ after, limit: PAGE });
    if (items.length === 0) return;
    yield* items.filter(match);
    after = nextCursor;
  }
}

async function* follow({ printer, terminal }: Context, client: ApiClient, filter: Partial<EventFilterDto>, after?: string): AsyncGenerator<EventEnvelope> {
  for await (const item of client.feed(filter, { after, signal: terminal.signal })) {
    if (item.type === 'event') yield item.event;
    else if (item.type === 'subscribed' && item.resume === 'gap') printer.note('(some events are no longer kept; going on from here)');
    else if (item.type === 'degraded' || item.type === 'disconnected') printer.note(`(${item.reason})`);
  }
}

function whole(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(value);
}
