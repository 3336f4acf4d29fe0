import { TASK_STATUSES, type ReportKind, type TimelineEntry } from '@orbitmesh/domain';
import { TEXT_CHARS_MAX } from '@orbitmesh/contracts/wire';
import { z } from 'zod';
import { CHANGES, taskId, tool, type Desk, type Tool, type ToolAnswer, type ToolCall } from './tool.js';

interface Reported { kind: ReportKind; message: string; taskId?: string; taskStatus?: (typeof TASK_STATUSES)[number] }

const text = (about: string) => z.string().min(1).max(TEXT_CHARS_MAX).describe(about);
const about = taskId("The task it is about, if it is one of this session's tasks.").optional();

async function post({ client, own }: Desk, report: Reported, { change }: ToolCall, then = ''): Promise<ToolAnswer> {
  const { body: { timestamp, data } } = await client.postTimeline(own.sessionId, report, change);
  return { text: `Reported: ${report.kind}.${then}`, data: { entry: { at: timestamp, ...(data as TimelineEntry) } } };
}

function reportTool(kind: ReportKind, title: string, description: string, message: string, then?: string): Tool {
  return tool({
    name: `report_${kind}`, title, description, annotations: CHANGES, input: { message: text(message), taskId: about },
    run: (desk, args, call) => post(desk, { kind, ...args }, call, then),
  });
}

const TASK_KINDS = ['started', 'completed', 'blocked', 'failed', 'skipped'] as const;

/** How the work goes, said to the people and to the session that started this one. */
export const REPORT_TOOLS: readonly Tool[] = [
  reportTool('progress', 'Report progress', 'Say what you have just done. Call it at each real step; people follow the session by it.', 'What is done now, in a sentence.'),
  reportTool('blocked', 'Report that something is in the way', 'Say that you cannot go on with something for now. It does not end the session: go on with what you can.', 'What is in the way, and what would remove it.'),
  reportTool(
    'needs_input', 'Ask a person', 'Ask a person to decide or to provide something. After it, end your turn: the answer comes as your next prompt.',
    'Your question, with all that is needed to answer it.', ' Now end your turn; the answer comes as your next prompt.',
  ),
  reportTool(
    'completed', 'Report completion', 'Say that everything you were asked to do is done. Call it exactly once, as the last thing: after it end your turn. Do not call it for a part of the work.',
    'What you did, and how you know that it works.', ' Now end your turn.',
  ),
  reportTool(
    'failed', 'Report failure', 'Say that what you were asked to do cannot be done. Call it once, as the last thing: after it end your turn. For an obstacle in passing use report_blocked.',
    'Why it cannot be done, and what was tried.', ' Now end your turn.',
  ),
  tool({
    name: 'report_task', title: 'Report on one task', annotations: CHANGES,
    description: "Say how the work on one of this session's tasks goes, and with `status` set the task's own status, too. It does not end the session: for that there is report_completed.",
    input: {
      taskId: taskId("Which task; may be left out where the session has only one.").optional(),
      kind: z.enum(TASK_KINDS).describe('What became of it.'), message: text('In a sentence.'),
      status: z.enum(TASK_STATUSES).optional().describe("The task's new status; in_review where a person is to look at it."),
    },
    run: (desk, { taskId: of, kind, message, status }, call) => post(desk, { kind: `task_${kind}`, message, taskId: of ?? onlyOf(desk.own.taskIds), taskStatus: status }, call),
  }),
];

/** Undefined where there are more of them: the server then says that one must be named. */
function onlyOf(ids: readonly string[]): string | undefined {
  return ids.length === 1 ? ids[0] : undefined;
}
