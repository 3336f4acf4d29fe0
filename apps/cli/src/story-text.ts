import type { EventEnvelope, Mail, SessionView, Task, TimelineEntry } from '@orbitmesh/domain';
import { clockText, dayText, oneLine } from './document-text.js';
import { printable } from './terminal.js';
import type { Printer, Style } from './printer.js';

const STYLE_OF_KIND: Readonly<Record<string, Style>> = {
  completed: 'green', task_completed: 'green', failed: 'red', error: 'red', task_failed: 'red', blocked: 'yellow', task_blocked: 'yellow', needs_input: 'yellow', started: 'dim', stopped: 'dim',
};

/** What one of a story's entries says: who, when, of what kind, and its text. */
interface Told { at: string; who: string; what: string; style: Style; about: string; text: string }

/** A session's timeline: who said what when, and of which task. */
export function timelineText(printer: Printer, session: SessionView, entries: readonly EventEnvelope<'timeline', TimelineEntry>[], tasks: ReadonlyMap<string, Task>): string {
  const title = `${printer.style('bold', oneLine(session.name))}  ${session.id}  ${session.status}`;
  return [title, storyText(printer, entries.map(({ timestamp, data }) => ({
    at: timestamp, who: data.by === 'agent' ? session.name : data.by, what: data.kind, style: STYLE_OF_KIND[data.kind] ?? 'cyan',
    about: data.taskId === undefined ? '' : tasks.get(data.taskId)?.title ?? data.taskId, text: data.message,
  }))) || 'Nothing was reported yet.'].join('\n');
}

/** A thread of mail, oldest first; what went to an audience is told once. `nameOf` knows the sessions by name. */
export function threadText(printer: Printer, mails: readonly Mail[], nameOf: (sessionId: string) => string): string {
  if (mails.length === 0) return 'No mail.';
  const subject = mails.find((mail) => mail.subject !== '')?.subject ?? '(no subject)';
  const sendings = new Map<string, Mail[]>();
  for (const mail of mails) sendings.set(mail.broadcastId ?? mail.id, [...(sendings.get(mail.broadcastId ?? mail.id) ?? []), mail]);
  return [`${printer.style('bold', oneLine(subject))}  ${mails[0].threadId}`, storyText(printer, [...sendings.values()].map((copies) => {
    const [mail] = copies;
    const to = copies.map(({ toSessionId }) => (toSessionId === null ? 'people' : nameOf(toSessionId))).join(', ');
    const about = [...new Set(copies.map((copy) => copy.state)), ...(mail.priority === 'normal' ? [] : [mail.priority]), copies.length === 1 ? mail.id : mail.broadcastId];
    return { at: mail.createdAt, who: `${mail.fromName} → ${to}`, what: mail.type, style: mail.priority === 'high' ? 'yellow' : 'cyan', about: about.join(', '), text: mail.body };
  }))].join('\n');
}

/** The day once, then a line an entry; what is longer than a line stands below it. */
function storyText(printer: Printer, entries: readonly Told[]): string {
  const width = { who: widest(entries, (one) => one.who), what: widest(entries, (one) => one.what) };
  let day = '';
  return entries.flatMap(({ at, who, what, style, about, text }) => {
    const lines = printable(text.trim()).split('\n');
    const newDay = dayText(at) === day ? [] : [printer.style('dim', dayText(at))];
    day = dayText(at);
    const head = `${clockText(at)}  ${oneLine(who).padEnd(width.who)}  ${printer.style(style, what.padEnd(width.what))}`;
    const tail = about === '' ? '' : `  ${printer.style('dim', `(${oneLine(about)})`)}`;
    return [...newDay, ...(lines.length === 1 ? [`${head}  ${lines[0]}${tail}`] : [`${head}${tail}`.trimEnd(), ...lines.map((line) => `          ${line}`)])];
  }).join('\n');
}

function widest(entries: readonly Told[], of: (one: Told) => string): number {
  return Math.max(0, ...entries.map((one) => oneLine(of(one)).length));
}
