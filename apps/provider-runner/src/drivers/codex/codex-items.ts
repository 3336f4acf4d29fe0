import { relative } from 'node:path';
import type { RunFact } from '@orbitmesh/domain';
import { fields, list, short, text, type Fields } from '../wire/fields.js';

type ToolCall = Omit<Extract<RunFact, { type: 'tool_call' }>, 'type' | 'truncated'>;

const STATUSES: Readonly<Record<string, 'in_progress' | 'completed' | 'failed'>> = { inProgress: 'in_progress', completed: 'completed', failed: 'failed', declined: 'failed' };

/** Items that are no tool call, and nothing a reader of the session needs: what he said himself, and what comes by other frames. */
const PASSED_OVER = new Set(['userMessage', 'hookPrompt', 'functionCallOutput', 'subAgentActivity', 'sleep', 'enteredReviewMode', 'exitedReviewMode', 'plan']);

/** A tool call in OrbitMesh's words. Null: an item that is none. Undefined: an item nobody knows. */
export function toolCallOf(item: Fields, done: boolean, workingDir: string): ToolCall | null | undefined {
  const toolCallId = short(item.id);
  const known = STATUSES[String(item.status)];
  const status = known ?? (done ? 'completed' : 'in_progress');
  switch (item.type) {
    case 'commandExecution': {
      const output = text(item.aggregatedOutput);
      const exit = typeof item.exitCode === 'number' && item.exitCode !== 0 ? [textContent(`exit code ${item.exitCode}`)] : [];
      const content = [...(output ? [textContent(output)] : []), ...exit];
      return { toolCallId, title: commandTitle(item), kind: 'execute', status, rawInput: { command: item.command, cwd: item.cwd }, ...(content.length ? { content } : {}) };
    }
    case 'fileChange': {
      const changes = list(item.changes).map(fields);
      const paths = changes.map(({ path }) => relative(workingDir, text(path) ?? '') || '.');
      return { toolCallId, title: short(`Edit ${paths.join(', ')}`), kind: 'edit', status, content: changes.map(diffContent), locations: changes.map(({ path }) => ({ path })) };
    }
    case 'mcpToolCall': {
      const failure = text(fields(item.error).message);
      const content = failure ? [textContent(failure)] : list(fields(item.result).content).map((block) => ({ type: 'content', content: block }));
      return { toolCallId, title: `${short(item.server)}.${short(item.tool)}`, kind: 'other', status, rawInput: item.arguments, ...(content.length ? { content } : {}) };
    }
    case 'dynamicToolCall':
    case 'collabAgentToolCall':
      return { toolCallId, title: short(item.tool), kind: 'other', status, ...(item.arguments === undefined ? {} : { rawInput: item.arguments }) };
    case 'webSearch':
      return { toolCallId, title: short(text(item.query) || 'Search the web'), kind: 'fetch', status };
    case 'imageView':
      return { toolCallId, title: short(`View ${relative(workingDir, text(item.path) ?? '')}`), kind: 'read', status };
    case 'imageGeneration':
      return { toolCallId, title: 'Generate an image', kind: 'other', status };
    case 'contextCompaction':
      return { toolCallId, title: 'Compact the conversation', kind: 'think', status };
    default:
      return PASSED_OVER.has(String(item.type)) ? null : undefined;
  }
}

/** The command as the agent wrote it, without the shell around it, where codex could tell it apart. */
export function commandTitle({ command, commandActions }: Fields): string {
  const actions = list(commandActions).map((action) => text(fields(action).command)).filter(Boolean);
  return short(actions.length ? actions.join(' && ') : command) || 'Run a command';
}

export function textContent(value: string): Fields {
  return { type: 'content', content: { type: 'text', text: value } };
}

/** Codex has unified diffs; one a file. */
function diffContent({ path, kind, diff }: Fields): Fields {
  return { type: 'diff', path, change: short(fields(kind).type), diff };
}
