import { InvalidArgumentError } from 'commander';
import { ApiError, type ApiClient } from '@orbitmesh/api-client';
import type { EventFilterDto } from '@orbitmesh/contracts';
import { eventMatchOf } from '@orbitmesh/contracts/wire';
import type { EventEnvelope } from '@orbitmesh/domain';
import { projectNamed, type Context } from '../context.js';
import { EventTeller } from '../event-text.js';
import { CliError, EXIT } from '../exit-code.js';
import { FeedStory } from '../feed-story.js';
import { EVENTS_LIMIT_DEFAULT } from '../limits.js';
import { append, whole, type OptionRow, type Parse } from '../options.js';
import { PAGE_ITEMS } from '../pages.js';
import type { Call, Register } from '../site.js';

type FilterKey = 'type' | 'session' | 'task' | 'project';
interface EventsOptions { follow?: boolean; filter?: [FilterKey, string][]; session?: string[]; project?: string; task?: string[]; type?: string[]; after?: string; limit?: number }

const OPTIONS: readonly OptionRow[] = [
  ['-f, --follow', 'wait for what happens from now on (or after --after), until Ctrl-C'],
  ['--filter <what=value>', 'only of a type=, session=, task= or project=; may be repeated, as may each of the following', filter as Parse],
  ['--session <session>', 'the same as --filter session=', append],
  ['--project <project>', 'the same as --filter project=, of one'],
  ['--task <task>', 'the same as --filter task=', append],
  ['--type <type>', 'the same as --filter type=, e.g. output or task:*', append],
  ['--after <cursor>', 'begin after this cursor, as --json shows it'],
  ['--limit <n>', `at most so many events (default ${EVENTS_LIMIT_DEFAULT} without -f)`, whole],
];

export const registerEvents: Register = (program) => {
  program.add<EventsOptions>({ name: 'events', about: 'show the feed: what happened, or with -f what happens now', options: OPTIONS, prints: 'documents' }, events);
};

async function events(context: Context, { options: given }: Call<EventsOptions>): Promise<void> {
  const options = await withFilters(context, given);
  const client = await context.client();
  const by: Partial<EventFilterDto> = { sessionIds: options.session, projectId: options.project, taskIds: options.task, types: options.type };
  const source = options.follow ? follow(context, client, by, options.after) : past(client, by, options.after);
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

/** A list in one value reads as well as the option repeated. @throws InvalidArgumentError */
function filter(value: string, before: [FilterKey, string][] = []): [FilterKey, string][] {
  const [, key, values] = /^(type|session|task|project)=(.+)$/.exec(value) ?? [];
  if (key === undefined) throw new InvalidArgumentError('It must be type=, session=, task= or project= and a value.');
  return [...before, ...values.split(',').filter(Boolean).map((one): [FilterKey, string] => [key as FilterKey, one])];
}

async function withFilters(context: Context, options: EventsOptions): Promise<EventsOptions> {
  const of = (key: FilterKey) => (options.filter ?? []).filter(([name]) => name === key).map(([, value]) => value);
  const list = (key: 'type' | 'session' | 'task') => {
    const all = [...(options[key] ?? []), ...of(key)];
    return all.length > 0 ? all : undefined;
  };
  const projects = new Set([...(options.project === undefined ? [] : [options.project]), ...await Promise.all(of('project').map((name) => projectNamed(context, name)))]);
  if (projects.size > 1) throw new CliError(EXIT.usage, 'A feed is of one project, or of all.');
  return { ...options, session: list('session'), task: list('task'), type: list('type'), project: [...projects][0] };
}

/** A typing error must not look like silence. @throws ApiError 404 */
async function checkNamed(client: ApiClient, { session = [], task = [], project }: EventsOptions): Promise<void> {
  const reads = [...session.map((id) => client.session(id)), ...task.map((id) => client.task(id)), ...(project === undefined ? [] : [client.project(project)])];
  for (const read of await Promise.allSettled(reads)) {
    // Whatever else it may not do (an agent sees only its own) the feed itself says.
    if (read.status === 'rejected' && read.reason instanceof ApiError && read.reason.status === 404) throw read.reason;
  }
}

async function* past(client: ApiClient, by: Partial<EventFilterDto>, after?: string): AsyncGenerator<EventEnvelope> {
  const match = eventMatchOf(by);
  for (;;) {
    const { items, nextCursor } = await client.events({ after, limit: PAGE_ITEMS });
    if (items.length === 0) return;
    yield* items.filter(match);
    after = nextCursor;
  }
}

async function* follow({ printer, terminal }: Context, client: ApiClient, by: Partial<EventFilterDto>, after?: string): AsyncGenerator<EventEnvelope> {
  const story = new FeedStory(printer, after);
  for await (const item of client.feed(by, { after, signal: terminal.signal })) {
    story.hear(item);
    if (item.type === 'event') yield item.event;
  }
}
