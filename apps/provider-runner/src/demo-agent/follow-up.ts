import { LIST_ITEMS_MAX } from './limits.js';
import { counted, summarize } from './report.js';
import { surveyDirectory, type Survey } from './survey.js';
import type { Turn } from './turn.js';
import type { Conversation } from './work.js';

const HELP = 'I answer: ls, count, log, todos, recall, say <text>, work (the report again).';

/** Answers a prompt after the first. */
export async function answerFollowUp(conversation: Conversation, turn: Turn): Promise<void> {
  if (await answerQuestion(conversation, turn, turn.prompt)) return;
  await turn.say(`You wrote ${turn.prompt.length} characters. ${HELP}\n`);
}

/** Answers about the directory, looked at anew each time it matters, or about the conversation. False: that is no question it knows. */
export async function answerQuestion(conversation: Conversation, turn: Turn, question: string): Promise<boolean> {
  const [command = '', ...rest] = question.trim().split(/\s+/);
  if (command === 'say') {
    await turn.say(`${question.trim().slice('say'.length).trim()}\n`);
    return true;
  }
  if (rest.length) return false;
  if (command === 'recall') {
    await turn.say(`${conversation.memory.recall().join('\n')}\n`);
    return true;
  }
  const render = Object.hasOwn(ANSWERS, command) ? ANSWERS[command] : undefined;
  if (!render) return false;
  const survey = await turn.tool(command, 'search', `Look through ${conversation.cwd}`, async () => {
    const value = await surveyDirectory(conversation.cwd, turn.signal);
    return { text: summarize(value), value };
  });
  conversation.memory.found(survey);
  turn.tokens.read(survey.charactersRead);
  await turn.say(`${render(survey)}\n`);
  return true;
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
