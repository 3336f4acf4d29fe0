import { LIST_ITEMS_MAX } from './limits.js';
import { counted, summarize } from './report.js';
import { surveyDirectory, type Survey } from './survey.js';
import type { Turn } from './turn.js';
import type { Conversation } from './work.js';

const HELP = 'I answer: ls, count, log, todos, say <text>, work (the report again).';

/** Answers a prompt after the first about the directory, looked at anew each time it matters. */
export async function answerFollowUp(conversation: Conversation, turn: Turn): Promise<void> {
  const [command = '', ...rest] = turn.prompt.trim().split(/\s+/);
  if (command === 'say') return turn.say(`${turn.prompt.trim().slice('say'.length).trim()}\n`);
  const render = ANSWERS[command];
  if (!render || rest.length) return turn.say(`You wrote ${turn.prompt.length} characters. ${HELP}\n`);
  const survey = await turn.tool(command, 'search', `Look through ${conversation.cwd}`, async () => {
    const value = await surveyDirectory(conversation.cwd, turn.signal);
    return { text: summarize(value), value };
  });
  conversation.survey = survey;
  turn.tokens.read(survey.charactersRead);
  await turn.say(`${render(survey)}\n`);
}

const ANSWERS: Record<string, (survey: Survey) => string> = {
  ls: ({ files }) => list(files.map(({ path }) => path)),
  count: ({ files, totalBytes }) => `${counted(files.length, 'file')}, ${counted(totalBytes, 'byte')}`,
  log: ({ commits }) => list(commits),
  todos: ({ todos }) => list(todos.map(({ path, line, text }) => `${path}:${line} ${text}`)),
};

function list(items: string[]): string {
  const more = items.length - LIST_ITEMS_MAX;
  return [...(items.length ? items.slice(0, LIST_ITEMS_MAX) : ['none']), ...(more > 0 ? [`… and ${more} more`] : [])].join('\n');
}
