import { relative } from 'node:path';
import { fields, list, short, text, type Fields } from '../wire/fields.js';

/** ACP's kinds of tools, which is what all drivers say. */
const KINDS: Readonly<Record<string, string>> = {
  Read: 'read', NotebookRead: 'read', Edit: 'edit', MultiEdit: 'edit', Write: 'edit', NotebookEdit: 'edit',
  Bash: 'execute', BashOutput: 'execute', KillShell: 'execute', TaskOutput: 'execute', TaskStop: 'execute', Monitor: 'execute',
  Grep: 'search', Glob: 'search', LS: 'search', ToolSearch: 'search', WebFetch: 'fetch', WebSearch: 'fetch',
  Task: 'think', Agent: 'think', EnterPlanMode: 'switch_mode', ExitPlanMode: 'switch_mode',
};

/** Its tool calls are said as the plan. */
export const PLAN_TOOL = 'TodoWrite';

export interface ToolUse { id: string; name: string; input: Fields }

/** What a person needs to know of a tool call: what it is, what it touches, what it would change. */
export function describeToolUse({ name, input }: ToolUse, workingDir: string) {
  const path = text(input.file_path) ?? text(input.notebook_path) ?? text(input.path);
  const content = changesOf(input, path);
  return {
    title: short(titleOf(name, input, path && shortPath(path, workingDir))) || short(name),
    kind: KINDS[name] ?? 'other',
    rawInput: input,
    ...(path ? { locations: [{ path }] } : {}),
    ...(content.length ? { content } : {}),
  };
}

function titleOf(name: string, input: Fields, path: string | undefined): string {
  switch (name) {
    case 'Bash': return text(input.command) ?? name;
    case 'Grep': case 'Glob': return [name, text(input.pattern), path && `in ${path}`].filter(Boolean).join(' ');
    case 'WebFetch': return `Fetch ${text(input.url) ?? ''}`;
    case 'WebSearch': return `Search the web: ${text(input.query) ?? ''}`;
    case 'Task': case 'Agent': return text(input.description) ?? name;
    case 'ExitPlanMode': return 'Go on with this plan';
    default: {
      const [, server, tool] = /^mcp__(.+?)__(.+)$/.exec(name) ?? [];
      return server ? `${server}: ${tool}` : path ? `${name} ${path}` : name;
    }
  }
}

function shortPath(path: string, workingDir: string): string {
  const inside = relative(workingDir, path);
  return inside && !inside.startsWith('..') ? inside : path;
}

/** Diffs as ACP has them. */
function changesOf(input: Fields, path: string | undefined): Fields[] {
  const diff = (oldText: unknown, newText: unknown): Fields => ({ type: 'diff', path: path ?? '', oldText: text(oldText) ?? null, newText: text(newText) ?? '' });
  if (text(input.plan)) return [textContent(text(input.plan)!)];
  if (!path) return [];
  if (text(input.new_string) !== undefined) return [diff(input.old_string, input.new_string)];
  if (list(input.edits).length) return list(input.edits).map(fields).map((edit) => diff(edit.old_string, edit.new_string));
  const written = text(input.content) ?? text(input.new_source);
  return written === undefined ? [] : [diff(null, written)];
}

/**
 * What a tool answered. A file that was overwritten: the whole change, now that its former text is known.
 * An edit that was made has been shown as a diff, and "it was made" says nothing more.
 */
export function contentOfResult(block: Fields, detail: unknown, kind: string | undefined): Fields[] | undefined {
  const { originalFile, filePath, content } = fields(detail);
  if (block.is_error !== true && kind === 'edit') {
    if (text(originalFile) === undefined || text(content) === undefined) return undefined;
    return [{ type: 'diff', path: text(filePath) ?? '', oldText: originalFile, newText: content }];
  }
  const said = text(block.content);
  if (said !== undefined) return said ? [textContent(said)] : undefined;
  const parts = list(block.content).map(fields).map((part) => textContent(text(part.text) ?? `[${short(part.type) || 'unknown'}]`));
  return parts.length ? parts : undefined;
}

function textContent(value: string): Fields {
  return { type: 'content', content: { type: 'text', text: value } };
}
