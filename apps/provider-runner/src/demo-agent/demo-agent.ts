import { agent, methods, PROTOCOL_VERSION, RequestError, type AgentApp, type AgentContext as AcpClient, type ContentBlock, type McpServer, type PromptResponse } from '@agentclientprotocol/sdk/unstable';
import type { AgentContext } from './agent-context.js';
import { ConversationFiles } from './conversation-files.js';
import { actScriptedFaults } from './faults.js';
import { answerFollowUp, answerQuestion } from './follow-up.js';
import type { StdioMcpServer } from './mcp-probe.js';
import { Memory } from './memory.js';
import type { TimelineReporter } from './timeline-reporter.js';
import { Turn } from './turn.js';
import { DEMO_AGENT_VERSION } from './version.js';
import { writeReport, type Conversation, type WorkResult } from './work.js';

/** JSON-RPC 2.0, section 5.1. */
const INVALID_PARAMS = -32602;
/** ACP: a session or file that was referred to is not there. */
const RESOURCE_NOT_FOUND = -32002;

interface Opening { cwd: string; mcpServers?: McpServer[] }
/** How a turn ended, and what it is remembered by. */
interface TurnEnd { stopReason: 'end_turn' | 'cancelled'; came: string; inOrder: boolean }

/** The built-in agent: one conversation a process, prompts one after the other, no model and no key. */
export class DemoAgent {
  private readonly files: ConversationFiles | null;
  private opening = false;
  private conversation: Conversation | null = null;
  private turn: Turn | null = null;
  private turns = 0;
  private awaitsAnswer = false;
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly context: AgentContext,
    private readonly reporter: TimelineReporter,
    private readonly exit: (code: number) => void,
    private readonly warn: (message: string) => void,
  ) {
    this.files = ConversationFiles.in(context.env.ORBITMESH_AGENT_STATE);
  }

  app(): AgentApp {
    return agent({ name: 'orbitmesh-demo-agent' })
      .onRequest(methods.agent.initialize, () => ({
        protocolVersion: PROTOCOL_VERSION,
        agentInfo: { name: 'orbitmesh-demo', version: DEMO_AGENT_VERSION },
        agentCapabilities: { loadSession: this.files !== null, sessionCapabilities: this.files ? { resume: {} } : {}, promptCapabilities: {} },
        authMethods: [],
      }))
      .onRequest(methods.agent.session.new, async ({ params }) => {
        const id = `demo-${this.context.sessionId}`;
        await this.open(params, async () => Memory.begin(id, params.cwd));
        return { sessionId: id };
      })
      .onRequest(methods.agent.session.resume, async ({ params }) => {
        await this.open(params, () => this.goOn(params.sessionId, params.cwd));
        return {};
      })
      .onRequest(methods.agent.session.load, async ({ params, client }) => {
        const { memory } = await this.open(params, () => this.goOn(params.sessionId, params.cwd));
        for (const update of memory.history()) await client.notify(methods.client.session.update, { sessionId: params.sessionId, update });
        return {};
      })
      .onRequest(methods.agent.session.prompt, ({ params, client }) => this.enqueue(client, params.sessionId, textOf(params.prompt)))
      .onNotification(methods.agent.session.cancel, () => this.turn?.cancel());
  }

  private async open({ cwd, mcpServers = [] }: Opening, remembered: () => Promise<Memory>): Promise<Conversation> {
    if (this.context.refusal) throw new RequestError(INVALID_PARAMS, this.context.refusal);
    if (this.opening || this.conversation) throw RequestError.invalidRequest(undefined, 'this agent holds one conversation a process');
    this.opening = true;
    try {
      const memory = await remembered();
      // A session that is stopped before its first word can be continued too.
      await this.keep(memory);
      this.conversation = { cwd, mcpServers: mcpServers.filter(isStdio), firstPrompt: '', memory, recalled: [] };
      return this.conversation;
    } finally {
      this.opening = false;
    }
  }

  /** @throws RequestError: the conversation is not there, or not whole; it never becomes a new one. */
  private async goOn(id: string, cwd: string): Promise<Memory> {
    if (!this.files) throw new RequestError(RESOURCE_NOT_FOUND, 'This agent keeps no conversations: ORBITMESH_AGENT_STATE names no directory.');
    try {
      return Memory.goOn(await this.files.load(id), cwd);
    } catch (error) {
      throw new RequestError(RESOURCE_NOT_FOUND, (error as Error).message);
    }
  }

  /** What cannot be kept is said, and only matters to a session that would go on with it: that one is refused. */
  private async keep(memory: Memory): Promise<void> {
    await this.files?.save(memory.toStore(new Date().toISOString())).catch((error: Error) => this.warn(`the conversation could not be kept: ${error.message}`));
  }

  /** A second prompt waits for the first one's turn to end. */
  private enqueue(client: AcpClient, sessionId: string, prompt: string): Promise<PromptResponse> {
    const result = this.tail.then(() => this.run(client, sessionId, prompt));
    this.tail = result.catch(() => {});
    return result;
  }

  private async run(client: AcpClient, sessionId: string, prompt: string): Promise<PromptResponse> {
    const conversation = this.conversation;
    if (conversation?.memory.id !== sessionId) throw RequestError.invalidParams(undefined, 'there is no such session');
    const { memory } = conversation;
    this.turns += 1;
    const turn = new Turn(client, sessionId, prompt, memory.turnCount + 1);
    this.turn = turn;
    memory.begins({ sessionId: this.context.sessionId, about: this.turns === 1 ? this.assignment ?? prompt : prompt, asked: prompt });
    await this.keep(memory);
    const { stopReason, came, inOrder } = await this.take(conversation, turn);
    this.turn = null;
    memory.ends(turn.said, came);
    await this.keep(memory);
    if (inOrder && this.context.options.exit !== null) this.exit(this.context.options.exit);
    return turn.end(stopReason);
  }

  private async take(conversation: Conversation, turn: Turn): Promise<TurnEnd> {
    try {
      const came = await this.act(conversation, turn);
      await untilAborted(this.reporter.flush(), turn.signal);
      return { stopReason: 'end_turn', came, inOrder: true };
    } catch (error) {
      if (turn.signal.aborted) return { stopReason: 'cancelled', came: 'cancelled', inOrder: false };
      const { message } = error as Error;
      await turn.say(`I failed: ${message}\n`);
      this.report('failed', message);
      await untilAborted(this.reporter.flush(), turn.signal).catch(() => {});
      return { stopReason: turn.signal.aborted ? 'cancelled' : 'end_turn', came: `failed: ${message}`, inOrder: false };
    }
  }

  /** @returns in a line, what came of the turn */
  private async act(conversation: Conversation, turn: Turn): Promise<string> {
    const { options, tasks } = this.context;
    const first = this.turns === 1;
    if (first) {
      await this.begin(conversation, turn);
      if (options.askInput) {
        this.awaitsAnswer = true;
        this.report('needs_input', 'What should the report answer?');
        await turn.say('I need input: what should the report answer?\n');
        return 'asked for input';
      }
    } else if (!this.awaitsAnswer && turn.prompt.trim() !== 'work') {
      await answerFollowUp(conversation, turn);
      return 'answered';
    }
    const answer = this.awaitsAnswer ? turn.prompt : null;
    this.awaitsAnswer = false;
    const result = await this.work(conversation, turn, answer);
    // A task that is done needs its title only: what was made of it is said once, with the whole.
    for (const task of tasks) this.report(result.done ? 'task_completed' : 'task_failed', result.done ? task.title : result.message, task.id);
    this.report(result.done ? 'completed' : 'failed', result.message);
    await turn.say(result.done ? 'Done.\n' : `Failed: ${result.message}\n`);
    return result.message;
  }

  private async begin(conversation: Conversation, turn: Turn): Promise<void> {
    conversation.firstPrompt = turn.prompt;
    for (const task of this.context.tasks) this.report('task_started', task.title, task.id);
    if (conversation.memory.isContinued) {
      conversation.recalled = conversation.memory.recall();
      await turn.say(`${conversation.recalled.join('\n')}\n`);
    }
    await actScriptedFaults(this.context, turn);
  }

  /** A directive that goes on with a conversation may be one of the questions it answers; everything else is the report. */
  private async work(conversation: Conversation, turn: Turn, answer: string | null): Promise<WorkResult> {
    const directive = this.context.manifest?.initialDirective;
    const asksAgain = this.turns === 1 && conversation.memory.isContinued && directive && !this.context.options.fail;
    if (asksAgain && (await answerQuestion(conversation, turn, directive))) return { done: true, message: `Answered "${directive.trim()}"` };
    return writeReport(this.context, conversation, turn, this.reporter, answer);
  }

  /** What the session is about, in a line. */
  private get assignment(): string | undefined {
    const { manifest, tasks } = this.context;
    return manifest?.initialDirective ?? (tasks.length ? tasks.map(({ title }) => title).join(', ') : undefined);
  }

  private report(kind: Parameters<TimelineReporter['send']>[0]['kind'], message: string, taskId?: string): void {
    this.reporter.send({ kind, message, ...(taskId ? { taskId } : {}) });
  }
}

function textOf(blocks: ContentBlock[]): string {
  return blocks.map((block) => (block.type === 'text' ? block.text : `[${block.type}]`)).join('\n');
}

/** In ACP a stdio server is the one without a `type`. */
function isStdio(server: McpServer): server is McpServer & StdioMcpServer {
  return !('type' in server) && 'command' in server;
}

/** A cancelled turn does not wait for an API that is away; what was queued still goes out meanwhile. */
function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason as Error);
    if (signal.aborted) return abort();
    signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
