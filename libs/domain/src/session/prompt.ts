import type { Task } from '../work/task.js';
import type { ManifestInput } from './manifest.js';

/** Who the agent is: its team member, then what the spawn added. Empty when there is neither. */
export function systemPromptOf({ teamMember, systemPrompt }: ManifestInput): string {
  const member = teamMember && [
    `You are ${teamMember.name}${teamMember.role ? `, ${teamMember.role}` : ''}.`,
    teamMember.identity,
    list('Skills', teamMember.skills),
    list('What you remember', teamMember.memory),
  ];
  return paragraphs([...(member ?? []), systemPrompt]);
}

/** The first prompt: the project, the tasks with their acceptance criteria, the directive, how to report. */
export function promptOf(input: ManifestInput): string {
  if (input.continues) return goingOn(input, input.continues);
  const { project, tasks, parent, initialDirective, workingDir } = input;
  return `${paragraphs([
    `# Project: ${project.name}`,
    project.description,
    `You work in \`${workingDir}\`.`,
    parent && `You were started by the session "${parent.name}" (\`${parent.sessionId}\`).`,
    tasks.length > 0 && (tasks.length === 1 ? '# Your task' : '# Your tasks, in this order'),
    ...tasks.map(taskText),
    initialDirective && `# Directive\n\n${initialDirective.trim()}`,
    howToReport(input),
  ])}\n`;
}

/** To an agent that knows the project and its tasks already: what is new. */
function goingOn(input: ManifestInput, continues: { sessionId: string; name: string }): string {
  return `${paragraphs([
    `You go on with the work of your session "${continues.name}" (\`${continues.sessionId}\`), in the same conversation; what you report now belongs to the session \`${input.sessionId}\`.`,
    input.tasks.length > 0 && `Its tasks: ${input.tasks.map(({ id, title }) => `${title} (\`${id}\`)`).join('; ')}.`,
    input.initialDirective && `# Directive\n\n${input.initialDirective.trim()}`,
    howToReport(input),
  ])}\n`;
}

/** What an agent is told whose turn ended without a word (design §4.1). */
export const NUDGE =
  'Your turn ended, and you have not reported how the work stands. If it is done, run `orbitmesh report completed "<what you did>"`; '
  + 'if it cannot be done, `orbitmesh report failed "<why>"`; if you need something, `orbitmesh report needs-input "<your question>"`. '
  + 'If there is more to do, do it now. (The tools report_completed, report_failed and report_needs_input, where you have them, do the same.)';

function taskText(task: Task): string {
  return paragraphs([
    `## ${task.title}`,
    `Task \`${task.id}\`, priority ${task.priority}.`,
    task.description,
    list('Acceptance criteria', task.acceptanceCriteria),
    list('Depends on', task.dependencies.map((id) => `\`${id}\``)),
  ]);
}

function howToReport({ mode }: ManifestInput): string {
  return [
    '# How to report',
    '',
    'The command `orbitmesh` is in your PATH and knows your session. Run it in your shell:',
    '',
    '- `orbitmesh report progress "<what you have just done>"`, at each real step.',
    '- `orbitmesh report blocked "<what is in the way>"`, if you cannot go on with something.',
    '- `orbitmesh report needs-input "<your question>"`, if a person must decide; then end your turn and wait.',
    '- `orbitmesh report completed "<what you did, and how you know that it works>"`, once, when everything above is done.',
    '- `orbitmesh report failed "<why>"`, once, if it cannot be done.',
    '',
    'Where you have the tools `report_progress`, `report_completed` and so on (of the MCP server `orbitmesh`), use them instead: they do the same.',
    '',
    mode === 'task'
      ? 'Nobody reads along. A turn that ends without `completed`, `failed` or `needs-input` counts as unfinished, and you will be asked.'
      : 'A person reads along and will go on talking with you after each turn.',
  ].join('\n');
}

function list(title: string, items: readonly string[]): string {
  return items.length === 0 ? '' : [`${title}:`, '', ...items.map((item) => `- ${item.trim().replaceAll('\n', '\n  ')}`)].join('\n');
}

/** What there is, separated by blank lines. */
function paragraphs(parts: readonly (string | null | false | undefined)[]): string {
  return parts.filter((part): part is string => typeof part === 'string' && part.trim() !== '').map((part) => part.trim()).join('\n\n');
}
