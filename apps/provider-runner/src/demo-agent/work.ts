import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlanEntry } from '@agentclientprotocol/sdk/unstable';
import type { AgentContext } from './agent-context.js';
import { counted, renderReport, reportFileName, summarize } from './report.js';
import type { Memory } from './memory.js';
import { surveyDirectory, type Survey } from './survey.js';
import type { TimelineReporter } from './timeline-reporter.js';
import type { Turn } from './turn.js';
import { summarizeReached, whatReachedMe } from './what-reached-me.js';
import type { StdioMcpServer } from './mcp-probe.js';

/** What a conversation knows beyond one turn. */
export interface Conversation {
  cwd: string;
  mcpServers: StdioMcpServer[];
  firstPrompt: string;
  memory: Memory;
  /** What this process remembered when it went on with a conversation; empty where it began it. */
  recalled: string[];
}

export type WorkResult = { done: true; message: string } | { done: false; message: string };

/** Ends the tool call as failed: what was not allowed was not done. */
class PermissionDenied extends Error {}

const STEPS = ['Look through the directory', 'Write the report', 'Tell OrbitMesh what came of it'] as const;
const README_BYTES_SHOWN = 200;

async function showPlan(turn: Turn, done: number): Promise<void> {
  const entries: PlanEntry[] = STEPS.map((content, index) => ({
    content, priority: 'medium', status: index < done ? 'completed' : index === done ? 'in_progress' : 'pending',
  }));
  await turn.update({ sessionUpdate: 'plan', entries });
}

/** The agent's real work: survey the directory, ask, write the report, and say what was found. */
export async function writeReport(context: AgentContext, conversation: Conversation, turn: Turn, reporter: TimelineReporter, answer: string | null): Promise<WorkResult> {
  await showPlan(turn, 0);
  await turn.say(`Looking through ${conversation.cwd}\n`);
  const survey = await turn.tool('survey', 'search', `List and read files in ${conversation.cwd}`, async () => {
    const value = await surveyDirectory(conversation.cwd, turn.signal);
    return { text: summarize(value), value };
  });
  const since = conversation.memory.since(survey);
  conversation.memory.found(survey);
  turn.tokens.read(survey.charactersRead + survey.commits.join('\n').length);
  reporter.send({ kind: 'progress', message: `Looked through ${counted(survey.files.length, 'file')}` });
  await readReadme(conversation.cwd, survey, turn);
  const reached = await whatReachedMe(context, conversation.firstPrompt, conversation.mcpServers);
  await turn.say(`Found ${summarize(survey)}.\n`);
  if (since) await turn.say(`${since}\n`);
  await turn.say(`${summarizeReached(reached)}\n`);
  if (context.options.fail) {
    return { done: false, message: typeof context.options.fail === 'string' ? context.options.fail : 'told to fail by custom.demo.fail' };
  }
  await showPlan(turn, 1);
  const name = reportFileName(context.sessionId);
  const text = renderReport(context, survey, reached, answer, conversation.recalled.length && since ? [...conversation.recalled, since] : conversation.recalled);
  try {
    await write(context, turn, conversation.cwd, name, text);
  } catch (error) {
    if (!(error instanceof PermissionDenied)) throw error;
    await turn.say('Nothing was written.\n');
    return { done: false, message: error.message };
  }
  await showPlan(turn, 2);
  return { done: true, message: `Wrote ${name} (${counted(Buffer.byteLength(text), 'byte')})` };
}

async function readReadme(cwd: string, survey: Survey, turn: Turn): Promise<void> {
  const readme = survey.files.find(({ path }) => /^readme(\.md|\.txt)?$/i.test(path));
  if (!readme) return;
  await turn.tool('readme', 'read', `Read ${readme.path}`, async () => {
    const text = (await readFile(join(cwd, readme.path), 'utf8')).slice(0, README_BYTES_SHOWN);
    return { text, value: undefined };
  });
}

/**
 * Asks, then writes through a temporary file, so that a reader never sees half a report.
 *
 * @throws PermissionDenied when the answer is no
 */
async function write(context: AgentContext, turn: Turn, cwd: string, name: string, text: string): Promise<void> {
  const path = join(cwd, name);
  await turn.tool('write', 'edit', `Write ${name}`, async (toolCallId) => {
    const allowed = context.options.noPermission || await turn.permission(toolCallId, `Write ${name}`, { path, bytes: Buffer.byteLength(text) });
    turn.signal.throwIfAborted();
    if (!allowed) throw new PermissionDenied(`Not allowed to write ${name}`);
    const temporary = `${path}.${process.pid}.tmp`;
    try {
      await writeFile(temporary, text, { flag: 'wx' });
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
    turn.tokens.wrote(text);
    return { text: `wrote ${name}`, value: undefined };
  });
}
