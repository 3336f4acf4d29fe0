import { TASK_STATUSES, TIMELINE_KINDS, type ReportKind, type TaskStatus } from '@orbitmesh/domain';
import type { PostTimelineBody } from '@orbitmesh/contracts';
import { sessionOf, taskNeeded, type Context } from './context.js';
import type { OptionRow } from './options.js';
import type { Call, Words } from './site.js';
import { textOf } from './text-input.js';

interface ReportOptions { task?: string; session?: string; status?: TaskStatus; idempotencyKey?: string }
type ReportCall = Call<ReportOptions, readonly string[]>;

const OPTIONS: readonly OptionRow[] = [
  ['--status <status>', "set the task's own status, too", TASK_STATUSES],
  ['--session <session>', 'the session it is about (default in a session: its own)'],
  ['--idempotency-key <key>', 'a repeated call with the same key reports nothing more'],
];

export const REPORT_WORDS: Omit<Words, 'name'> = {
  about: 'for agents: say how the work goes',
  args: [['<kind>', 'what kind of news', TIMELINE_KINDS.map(dashed)], ['<message>', 'in a sentence; - reads it from stdin']],
  options: [['-t, --task <task>', 'the task it is about'], ...OPTIONS],
};

export async function report(context: Context, { args: [kind, message], options }: ReportCall): Promise<void> {
  await post(context, kind.replaceAll('-', '_') as ReportKind, message, options, options.task);
}

const TASK_KINDS = ['started', 'completed', 'blocked', 'failed', 'skipped'] as const;

export const TASK_REPORT_WORDS: Omit<Words, 'name'> = {
  about: 'for agents: say how the work on one task goes',
  args: [['<kind>', 'what became of it', TASK_KINDS], ['<message>', 'in a sentence; - reads it from stdin']],
  options: [['-t, --task <task>', "which task (default: the session's only one)"], ...OPTIONS],
};

export async function reportTask(context: Context, { args: [kind, message], options }: ReportCall): Promise<void> {
  await post(context, `task_${kind as (typeof TASK_KINDS)[number]}`, message, options, taskNeeded(context, options.task));
}

async function post(context: Context, kind: ReportKind, given: string, { session, status: taskStatus, idempotencyKey }: ReportOptions, taskId: string | undefined): Promise<void> {
  const sessionId = sessionOf(context, session);
  const body: PostTimelineBody = { kind, message: await textOf(context, given), taskId, taskStatus };
  const { body: entry } = await (await context.client()).postTimeline(sessionId, body, { idempotencyKey });
  context.printer.result(entry, () => `reported: ${kind}`);
}

function dashed(word: string): string {
  return word.replaceAll('_', '-');
}
