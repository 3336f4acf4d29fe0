import type { EventEnvelope } from '@orbitmesh/domain';
import { LINE_CHARS_MAX } from './limits.js';
import { printable, type Printer, type Style } from './terminal.js';

type Data = Record<string, unknown>;

const STYLE_OF_TIMELINE: Readonly<Record<string, Style>> = { completed: 'green', failed: 'red', error: 'red', blocked: 'yellow', needs_input: 'yellow', task_failed: 'red' };

/** What a session's event says to a person who watches it; null for what only programs need. Output is not told here. */
export function tellEvent(event: EventEnvelope, printer: Printer): string | null {
  const data = event.data as Data;
  const told = sentence(event.type, data);
  if (told === null) return null;
  const style: Style = event.type === 'timeline' ? STYLE_OF_TIMELINE[text(data['kind'])] ?? 'cyan' : event.type === 'error' ? 'red' : event.type === 'approval_requested' ? 'yellow' : 'dim';
  return printer.style(style, oneLine(told));
}

function sentence(type: string, data: Data): string | null {
  switch (type) {
    case 'status_change': return `${text(data['oldState'])} → ${text(data['newState'])}  ${text(data['reason'])}`;
    case 'tool_call': return `⚒ ${text(data['title'] ?? data['toolCallId'])} ${text(data['status'])}`;
    case 'thought': return `… ${text(data['content'])}`;
    case 'plan': return planOf(data['entries']);
    case 'input': return `> ${text(data['text'])}`;
    case 'timeline': return `● ${text(data['kind'])}: ${text(data['message'])}`;
    case 'approval_requested': return `? ${text(data['title'])}  (${text(data['approvalId'])})`;
    case 'approval_resolved': return `! ${text(data['approvalId'])}: ${text(data['decision'])} by ${text(data['by'])}`;
    case 'error': return `✗ ${text(data['code'])}: ${text(data['message'])}`;
    default: return null;
  }
}

/** One event of the whole feed, on one line. */
export function feedLine(event: EventEnvelope, printer: Printer): string {
  const ids = [event.sessionId, event.taskId, event.sessionId || event.taskId ? undefined : event.projectId].filter(Boolean).join(' ');
  const data = event.data as Data;
  const told = event.type === 'output' ? text(data['content']) : sentence(event.type, data) ?? text(data['message'] ?? data['title'] ?? data['name']);
  return `${printer.style('dim', `${event.seq} ${event.timestamp.slice(11, 19)}`)}  ${printer.style('cyan', event.type)}  ${ids}  ${oneLine(told)}`.trimEnd();
}

function planOf(entries: unknown): string {
  const list = Array.isArray(entries) ? entries as Data[] : [];
  return `☰ ${list.map((entry) => `[${entry['status'] === 'completed' ? 'x' : ' '}] ${text(entry['content'])}`).join('  ')}`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
}

function oneLine(told: string): string {
  const line = printable(told.replace(/\s+/g, ' ').trim());
  return line.length > LINE_CHARS_MAX ? `${line.slice(0, LINE_CHARS_MAX - 1)}…` : line;
}
