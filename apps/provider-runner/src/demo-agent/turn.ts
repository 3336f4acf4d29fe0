import { methods, type AgentContext as AcpClient, type PromptResponse, type SessionUpdate, type ToolKind } from '@agentclientprotocol/sdk/unstable';
import { REMEMBERED_SAID_BYTES_MAX } from './limits.js';
import { TokenCounter } from './tokens.js';

/** Thrown where a cancelled turn stops its work. */
export class TurnCancelled extends Error {}

/** One prompt's turn: what it says to the client, what it read and wrote, and whether it was cancelled. */
export class Turn {
  readonly tokens = new TokenCounter();
  private readonly abort = new AbortController();
  private spoken = '';

  constructor(private readonly client: AcpClient, readonly sessionId: string, readonly prompt: string, private readonly number: number) {
    this.tokens.read(prompt.length);
  }

  get signal(): AbortSignal {
    return this.abort.signal;
  }

  cancel(): void {
    this.abort.abort(new TurnCancelled('cancelled'));
  }

  update(update: SessionUpdate): Promise<void> {
    return this.client.notify(methods.client.session.update, { sessionId: this.sessionId, update });
  }

  /** The beginning of all that was said, as much of it as may be remembered. */
  get said(): string {
    return this.spoken;
  }

  async say(text: string): Promise<void> {
    this.tokens.wrote(text);
    if (this.spoken.length < REMEMBERED_SAID_BYTES_MAX) this.spoken += text.slice(0, REMEMBERED_SAID_BYTES_MAX);
    await this.update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text } });
  }

  async think(text: string): Promise<void> {
    this.tokens.wrote(text);
    await this.update({ sessionUpdate: 'agent_thought_chunk', content: { type: 'text', text } });
  }

  /** Tool calls are numbered by turn, so that an id is never used twice in a conversation. */
  async tool<T>(name: string, kind: ToolKind, title: string, work: (toolCallId: string) => Promise<{ text: string; value: T }>): Promise<T> {
    const toolCallId = `${name}-${this.number}`;
    await this.update({ sessionUpdate: 'tool_call', toolCallId, title, kind, status: 'in_progress' });
    try {
      const { text, value } = await work(toolCallId);
      await this.update({ sessionUpdate: 'tool_call_update', toolCallId, status: 'completed', content: [{ type: 'content', content: { type: 'text', text } }] });
      return value;
    } catch (error) {
      await this.update({ sessionUpdate: 'tool_call_update', toolCallId, status: 'failed', content: [{ type: 'content', content: { type: 'text', text: (error as Error).message } }] });
      throw error;
    }
  }

  /**
   * Asks the client once.
   *
   * @throws TurnCancelled when the client answers `cancelled`: it says so only of a turn that it cancelled, and its
   *   answer may be handled before its `session/cancel` is (ACP, prompt turn, cancellation).
   */
  async permission(toolCallId: string, title: string, rawInput: Record<string, unknown>): Promise<boolean> {
    const { outcome } = await this.client.request(methods.client.session.requestPermission, {
      sessionId: this.sessionId,
      toolCall: { toolCallId, title, kind: 'edit', status: 'pending', rawInput },
      options: [
        { optionId: 'allow', name: 'Write the report', kind: 'allow_once' },
        { optionId: 'deny', name: 'Do not write it', kind: 'reject_once' },
      ],
    });
    if (outcome.outcome === 'cancelled') {
      this.cancel();
      this.signal.throwIfAborted();
    }
    return outcome.outcome === 'selected' && outcome.optionId === 'allow';
  }

  end(stopReason: PromptResponse['stopReason']): PromptResponse {
    return { stopReason, usage: this.tokens.usage };
  }
}
