import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import type { CallToolResult, ServerNotification, ServerRequest } from '@modelcontextprotocol/sdk/types.js';
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js';
import { z } from 'zod';
import { versionOf } from '../version.js';
import { failureOf, inAWord } from './failure.js';
import { MAIL_TOOLS } from './mail.tools.js';
import { REPORT_TOOLS } from './report.tools.js';
import { SESSION_TOOLS } from './session.tools.js';
import { TASK_TOOLS } from './task.tools.js';
import type { Desk, Own, Tool, ToolAnswer } from './tool.js';
import { UncertainCalls } from './uncertain-calls.js';

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>;

export const TOOLS: readonly Tool[] = [...REPORT_TOOLS, ...TASK_TOOLS, ...SESSION_TOOLS, ...MAIL_TOOLS];

/** The tools of one session, over any transport; `note` gets a line about each call that failed. */
export function mcpServerOf(desk: Desk, note: (line: string) => void): McpServer {
  const server = new McpServer({ name: 'orbitmesh', title: 'OrbitMesh', version: versionOf() }, { instructions: instructionsOf(desk.own) });
  const uncertain = new UncertainCalls();
  for (const { name, title, description, input, annotations, run } of TOOLS) {
    server.registerTool(name, { title, description, annotations, inputSchema: z.strictObject(input) }, async (args: Record<string, unknown>, extra: Extra): Promise<CallToolResult> => {
      try {
        return resultOf(await uncertain.run(JSON.stringify([name, args]), (idempotencyKey) => (
          run(desk, args, { signal: extra.signal, change: { idempotencyKey, signal: extra.signal }, progress: progressOf(extra) }))));
      } catch (error) {
        note(`${name}: ${extra.signal.aborted ? 'called off' : inAWord(error)}`);
        return failureOf(error);
      }
    });
  }
  return server;
}

function resultOf({ text, data }: ToolAnswer): CallToolResult {
  return { content: [{ type: 'text', text: text ?? JSON.stringify(data) }], structuredContent: data };
}

/** Only who gave a token for it hears of progress. */
function progressOf({ _meta, sendNotification }: Extra) {
  return async (progress: number, total: number, message: string): Promise<void> => {
    const progressToken = _meta?.progressToken;
    if (progressToken !== undefined) await sendNotification({ method: 'notifications/progress', params: { progressToken, progress, total, message } });
  };
}

/** What a model is told before it has called anything. */
export function instructionsOf({ sessionId, projectId, taskIds }: Own): string {
  return [
    `You are the OrbitMesh session ${sessionId} in the project ${projectId}${taskIds.length > 0 ? `, for ${taskIds.length === 1 ? 'the task' : 'the tasks'} ${taskIds.join(', ')}` : ''}. These tools act as this session.`,
    'Report with report_progress at each real step. When everything you were asked is done, call report_completed once and end your turn; if it cannot be done, report_failed. If a person must decide, report_needs_input and end your turn.',
    'A turn that ends without one of these three counts as unfinished. The command `orbitmesh` in your shell does the same; use one of the two, not both.',
  ].join('\n');
}
