import { agent, methods, PROTOCOL_VERSION, RequestError, type AgentApp, type AgentContext as AcpClient, type ContentBlock, type McpServer, type PromptResponse } from '@agentclientprotocol/sdk/unstable';
import type { AgentContext } from './agent-context.js';
import { actScriptedFaults } from './faults.js';
import { answerFollowUp } from './follow-up.js';
import type { StdioMcpServer } from './mcp-probe.js';
import type { TimelineReporter } from './timeline-reporter.js';
import { Turn } from './turn.js';
import { writeReport, type Conversation } from './work.js';

export const DEMO_AGENT_VERSION = '0.1.0';

/** JSON-RPC 2.0, section 5.1. */
const INVALID_PARAMS = -32602;

/** The built-in agent: one conversation a process, prompts one after the other, no model and no key. */
export class DemoAgent {
  private conversation: Conversation | null = null;
  private turn: Turn | null = null;
  private turns = 0;
  private awaitsAnswer = false;
  private tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly context: AgentContext,
    private readonly reporter: TimelineReporter,
    private readonly exit: (code: number) => void,
  ) {}

  app(): AgentApp {
    return agent({ name: 'orbitmesh-demo-agent' })
      .onRequest(methods.agent.initialize, () => ({
        protocolVersion: PROTOCOL_VERSION,
        agentInfo: { name: 'orbitmesh-demo', version: DEMO_AGENT_VERSION },
        agentCapabilities: { loadSession: false, promptCapabilities: {} },
        authMethods: [],
      }))
      .onRequest(methods.agent.session.new, ({ params }) => this.open(params.cwd, params.mcpServers))
      .onRequest(methods.agent.session.prompt, ({ params, client }) => this.enqueue(client, params.sessionId, textOf(params.prompt)))
      .onNotification(methods.agent.session.cancel, () => this.turn?.cancel());
  }

  private open(cwd: string, servers: McpServer[]): { sessionId: string } {
    if (this.context.refusal) throw new RequestError(INVALID_PARAMS, this.context.refusal);
    if (this.conversation) throw RequestError.invalidRequest(undefined, 'this agent holds one conversation a process');
    this.conversation = { cwd, mcpServers: servers.filter(isStdio), firstPrompt: '', survey: null };
    return { sessionId: `demo-${this.context.sessionId}` };
  }

  /** A second prompt waits for the first one's turn to end. */
  private enqueue(client: AcpClient, sessionId: string, prompt: string): Promise<PromptResponse> {
    const result = this.tail.then(() => this.run(client, sessionId, prompt));
    this.tail = result.catch(() => {});
    return result;
  }

  private async run(client: AcpClient, sessionId: string, prompt: string): Promise<PromptResponse> {
    const conversation = this.conversation;
    if (!conversation) throw RequestError.invalidParams(undefined, 'there is no such session');
    this.turns += 1;
    const turn = new Turn(client, sessionId, prompt, this.turns);
    this.turn = turn;
    try {
      await this.act(conversation, turn);
      await untilAborted(this.reporter.flush(), turn.signal);
      if (this.context.options.exit !== null) this.exit(this.context.options.exit);
      return turn.end('end_turn');
    } catch (error) {
      if (turn.signal.aborted) return turn.end('cancelled');
      await turn.say(`I failed: ${(error as Error).message}\n`);
      this.report('failed', (error as Error).message);
      await untilAborted(this.reporter.flush(), turn.signal).catch(() => {});
      return turn.end(turn.signal.aborted ? 'cancelled' : 'end_turn');
    } finally {
      this.turn = null;
    }
  }

  private async act(conversation: Conversation, turn: Turn): Promise<void> {
    const { options, tasks } = this.context;
    if (this.turns === 1) {
      conversation.firstPrompt = turn.prompt;
      for (const task of tasks) this.report('task_started', task.title, task.id);
      await actScriptedFaults(this.context, turn);
      if (options.askInput) {
        this.awaitsAnswer = true;
        this.report('needs_input', 'What should the report answer?');
        return turn.say('I need input: what should the report answer?\n');
      }
    } else if (!this.awaitsAnswer && turn.prompt.trim() !== 'work') {
      return answerFollowUp(conversation, turn);
    }
    const answer = this.awaitsAnswer ? turn.prompt : null;
    this.awaitsAnswer = false;
    const result = await writeReport(this.context, conversation, turn, this.reporter, answer);
    // A task that is done needs its title only: what was made of it is said once, with the whole.
    for (const task of tasks) this.report(result.done ? 'task_completed' : 'task_failed', result.done ? task.title : result.message, task.id);
    this.report(result.done ? 'completed' : 'failed', result.message);
    await turn.say(result.done ? 'Done.\n' : `Failed: ${result.message}\n`);
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
