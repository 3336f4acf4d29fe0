import type { EventEnvelope, SessionView } from '@orbitmesh/domain';
import { clockText } from './document-text.js';
import { LINE_CHARS_MAX, SESSIONS_TOLD_MAX } from './limits.js';
import { printable } from './terminal.js';
import type { Printer, Style } from './printer.js';

type Data = Record<string, unknown>;
/** What happened, and the sentence with it, which several events of one happening share. */
type Told = readonly [what: string, sentence?: string];

const STYLE_OF_TIMELINE: Readonly<Record<string, Style>> = { completed: 'green', failed: 'red', error: 'red', blocked: 'yellow', needs_input: 'yellow', task_failed: 'red' };
const STYLE_OF: Readonly<Record<string, Style>> = { error: 'red', approval_requested: 'yellow', 'session:updated': 'yellow' };

/** Events as a person reads them. One cause makes several events with the same sentence: it is told once a session. */
export class EventTeller {
  private readonly lastSentence = new Map<string, string>();

  constructor(private readonly printer: Printer) {}

  /** For who watches a session; null for what only programs need. Output is not told here. */
  line(event: EventEnvelope): string | null {
    const data = event.data as Data;
    const told = toldOf(event.type, data);
    // What the system itself notes of a beginning and an end, the states beside it say.
    if (told === null || (event.type === 'timeline' && data['by'] === 'system')) return null;
    const said = this.once(event, told);
    // The document comes again for other reasons; that it still waits is no news.
    if (event.type === 'session:updated' && said === told[0]) return null;
    const style = event.type === 'timeline' ? STYLE_OF_TIMELINE[text(data['kind'])] ?? 'cyan' : STYLE_OF[event.type] ?? 'dim';
    return this.printer.style(style, oneLine(said));
  }

  /** One event of the whole feed, on one line. */
  feedLine(event: EventEnvelope): string {
    const ids = [event.sessionId, event.taskId, event.sessionId || event.taskId ? undefined : event.projectId].filter(Boolean).join(' ');
    const told = this.once(event, toldOf(event.type, event.data as Data) ?? toldOfFeed(event.type, event.data as Data));
    return `${this.printer.style('dim', `${event.seq} ${clockText(event.timestamp)}`)}  ${this.printer.style('cyan', event.type)}  ${ids}  ${oneLine(told)}`.trimEnd();
  }

  /** How a session ended. */
  outcome({ id, status, state, outcome }: SessionView): string {
    const message = outcome?.message && this.lastSentence.get(id) !== outcome.message ? outcome.message : '';
    const code = outcome?.code ?? state;
    const details = [code === status ? '' : code, message].filter(Boolean).join(', ');
    return this.printer.style(status === 'completed' ? 'green' : 'red', printable(details ? `${status}: ${details}` : status));
  }

  private once(event: EventEnvelope, [what, sentence]: Told): string {
    if (!sentence) return what;
    const key = event.sessionId ?? '';
    const again = this.lastSentence.get(key) === sentence;
    if (this.lastSentence.size >= SESSIONS_TOLD_MAX) this.lastSentence.clear();
    this.lastSentence.set(key, sentence);
    // What an agent says itself is its own news, whoever said the same before.
    if (again && event.type !== 'timeline') return what;
    return what ? `${what}: ${sentence}` : sentence;
  }
}

/** What is said only as metadata, and people want to know. */
const TOLD_KEYS = new Set(['mcp_server_failed', 'retry', 'notice', 'unanswered_question']);

function toldOf(type: string, data: Data): Told | null {
  switch (type) {
    case 'status_change': return [`${text(data['oldState'])} → ${text(data['newState'])}`, text(data['reason'])];
    case 'tool_call': return [`⚒ ${text(data['title'] ?? data['toolCallId'])} ${text(data['status'])}`];
    case 'thought': return [`… ${text(data['content'])}`];
    case 'plan': return [planOf(data['entries'])];
    case 'input': return [`> ${text(data['text'])}`];
    case 'timeline': return [`● ${text(data['kind'])}`, text(data['message'])];
    case 'approval_requested': return [`? ${text(data['title'])}  (${text(data['approvalId'])})`];
    case 'approval_resolved': return [`! ${text(data['approvalId'])}: ${text(data['decision'])} by ${text(data['by'])}`];
    case 'metadata': return TOLD_KEYS.has(text(data['key'])) ? [`✗ ${text(data['key'])}`, text(data['value'])] : null;
    case 'error': return [`✗ ${text(data['code'])}`, text(data['message'])];
    case 'session:updated': {
      const { reason } = (data['waiting'] ?? {}) as Data;
      return reason === undefined ? null : [`${text(data['state'])}, waiting`, text(reason)];
    }
    default: return null;
  }
}

/** What says something in the feed, but not to who watches a session. */
function toldOfFeed(type: string, data: Data): Told {
  if (type === 'output') return [text(data['content'])];
  if (type === 'metadata') return [`${text(data['key'])}=${text(data['value'])}`];
  if (type === 'metric') return [Object.entries(data).map(([key, value]) => `${key}=${text(value)}`).join(' ')];
  return type.startsWith('notify:') ? ['', text(data['message'] ?? data['title'])] : [text(data['message'] ?? data['title'] ?? data['name'])];
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
