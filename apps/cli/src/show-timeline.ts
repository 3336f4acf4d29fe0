import type { EventEnvelope, Task, TimelineEntry } from '@orbitmesh/domain';
import { ApiError, type ApiClient } from '@orbitmesh/api-client';
import type { Context } from './context.js';
import { PAGE_ITEMS } from './pages.js';
import { timelineText } from './story-text.js';

type Entry = EventEnvelope<'timeline', TimelineEntry>;

export async function showTimeline(context: Context, sessionId: string): Promise<void> {
  const client = await context.client();
  const session = await client.session(sessionId);
  const entries = await entriesOf(client, sessionId);
  const { printer } = context;
  if (printer.json) {
    for (const entry of entries) printer.document(entry);
    return;
  }
  printer.line(timelineText(printer, session, entries, await tasksOf(client, entries)));
}

/** On a page of events an empty one is the end. */
async function entriesOf(client: ApiClient, sessionId: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  let cursor: string | undefined;
  for (;;) {
    const { items, nextCursor } = await client.timeline(sessionId, { cursor, limit: PAGE_ITEMS });
    if (items.length === 0) return entries;
    entries.push(...items as Entry[]);
    cursor = nextCursor;
  }
}

/** Those that are told of and still there. */
async function tasksOf(client: ApiClient, entries: readonly Entry[]): Promise<ReadonlyMap<string, Task>> {
  const ids = [...new Set(entries.flatMap(({ data }) => data.taskId ?? []))];
  const tasks = await Promise.all(ids.map((id) => client.task(id).catch((error: unknown) => {
    if (error instanceof ApiError && (error.status === 404 || error.status === 403)) return null;
    throw error;
  })));
  return new Map(tasks.flatMap((task) => (task ? [[task.id, task] as const] : [])));
}
