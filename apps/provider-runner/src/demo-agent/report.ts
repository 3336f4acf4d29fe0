import type { AgentContext } from './agent-context.js';
import { LIST_ITEMS_MAX } from './limits.js';
import type { Survey } from './survey.js';
import { CHARACTERS_PER_TOKEN } from './tokens.js';
import type { Reached } from './what-reached-me.js';

/** The name of the report, next to the work it is about; the session id is checked, because it becomes a path. */
export function reportFileName(sessionId: string): string {
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(sessionId)) throw new Error('the session id cannot be part of a file name');
  return `orbitmesh-report-${sessionId}.md`;
}

/** One line that says what the survey found. */
export function summarize(survey: Survey): string {
  const languages = survey.languages.slice(0, 3).map(({ language, files }) => `${language} ${files}`).join(', ') || 'none';
  return [
    `${counted(survey.files.length, 'file')}, ${counted(survey.totalBytes, 'byte')} (${languages})`,
    counted(survey.todoCount, 'TODO mark'), counted(survey.commits.length, 'recent commit'),
  ].join(', ');
}

/** `1 file`, `2 files`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** The report as markdown: deterministic for the same directory and task. */
export function renderReport(context: AgentContext, survey: Survey, reached: Reached[], answer: string | null, remembered: string[]): string {
  const lines = [
    `# Report of session ${context.sessionId}`, '',
    `Written by the built-in demo agent: it has no model; it read the files and counts ${CHARACTERS_PER_TOKEN} characters as a token.`, '',
    '## Tasks', '', ...taskLines(context),
    ...(answer ? ['## Answer I was given', '', `> ${answer.split('\n').join('\n> ')}`, ''] : []),
    ...(remembered.length ? ['## What I remember', '', ...remembered, ''] : []),
    '## What is here', '', `${summarize(survey)}${survey.branch ? `, on ${survey.branch}` : ''}.`, '',
    '| language | files | bytes | lines |', '| --- | --- | --- | --- |',
    ...survey.languages.map((total) => `| ${total.language} | ${total.files} | ${total.bytes} | ${total.lines} |`), '',
    '## Largest files', '',
    ...bounded([...survey.files].sort((a, b) => b.bytes - a.bytes), 10, (file) => `- \`${file.path}\` ${file.bytes} bytes`), '',
    '## TODO and FIXME', '',
    ...bounded(survey.todos, LIST_ITEMS_MAX, (todo) => `- \`${todo.path}:${todo.line}\` ${todo.text}`), '',
    '## Recent commits', '', ...bounded(survey.commits, LIST_ITEMS_MAX, (commit) => `- ${commit}`), '',
    ...(survey.notes.length ? ['## Notes', '', ...bounded(survey.notes, LIST_ITEMS_MAX, (note) => `- ${note}`), ''] : []),
    '## What reached me', '', ...reached.map(({ what, value }) => `- ${what}: ${value}`), '',
  ];
  return lines.join('\n');
}

function taskLines(context: AgentContext): string[] {
  const directive = context.manifest?.initialDirective;
  const lines = directive ? [`Directive: ${directive}`, ''] : [];
  for (const task of context.tasks) {
    lines.push(`### ${task.title} (\`${task.id}\`, ${task.priority})`, '');
    if (task.description) lines.push(task.description, '');
    lines.push('Acceptance criteria, for a person to check:', '');
    lines.push(...(task.acceptanceCriteria.length ? task.acceptanceCriteria.map((criterion) => `- [ ] ${criterion}`) : ['- none given']), '');
  }
  return lines.length ? lines : ['None was given.', ''];
}

function bounded<T>(items: T[], max: number, render: (item: T) => string): string[] {
  if (!items.length) return ['none'];
  const more = items.length - max;
  return [...items.slice(0, max).map(render), ...(more > 0 ? [`- … and ${more} more`] : [])];
}
