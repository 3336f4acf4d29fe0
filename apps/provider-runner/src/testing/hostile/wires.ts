import { writeSync } from 'node:fs';

/** How an agent talks: what of the wire a behaviour needs. */
export interface Wire {
  write(bytes: string | Buffer): void;
  /** What `say` writes, with its end. */
  frameOf(text: string): string;
  say(text: string): void;
  startTool(): void;
  /** Asks for a permission. `tool` null: without a word on what it is for. */
  ask(question: { tool: string | null; options: boolean }): void;
  endTurn(): void;
}

/** What the other side wants, in a line of it. */
export type Wanted = 'greeted' | 'prompted' | 'answered' | 'cancelled' | null;

/** A protocol: answers a line as it should be, and says what it was. */
export interface Protocol extends Wire {
  take(line: string, greet: () => boolean): Wanted;
}

/** Writes whole, however full the pipe is; stdout is a file here. */
function write(bytes: string | Buffer): void {
  const rest = Buffer.from(bytes);
  for (let at = 0; at < rest.length; ) at += writeSync(1, rest, at);
}

type Message = Record<string, unknown> & { id?: unknown; method?: string };

class Acp implements Protocol {
  private prompt: unknown = null;
  readonly write = write;

  take(line: string, greet: () => boolean): Wanted {
    const { id, method } = JSON.parse(line) as Message;
    switch (method) {
      case 'initialize':
        if (greet()) this.answer(id, { protocolVersion: 1 });
        return 'greeted';
      case 'session/new':
        this.answer(id, { sessionId: 's' });
        return null;
      case 'session/prompt':
        this.prompt = id;
        return 'prompted';
      case 'session/cancel':
        return 'cancelled';
      default:
        return method === undefined ? 'answered' : null;
    }
  }

  frameOf(text: string): string {
    return this.update({ sessionUpdate: 'agent_message_chunk', content: { type: 'text', text: `${text}\n` } });
  }

  say(text: string): void {
    write(this.frameOf(text));
  }

  startTool(): void {
    write(this.update({ sessionUpdate: 'tool_call', toolCallId: 't1', title: 'Do it', status: 'in_progress' }));
  }

  ask({ tool, options }: { tool: string | null; options: boolean }): void {
    const offered = [{ optionId: 'yes', name: 'Yes', kind: 'allow_once' }, { optionId: 'no', name: 'No', kind: 'reject_once' }];
    write(frame({ id: 'q1', method: 'session/request_permission', params: { sessionId: 's', toolCall: tool === null ? null : { toolCallId: tool }, options: options ? offered : [] } }));
  }

  endTurn(): void {
    this.answer(this.prompt, { stopReason: 'end_turn' });
  }

  private answer(id: unknown, result: object): void {
    write(frame({ id, result }));
  }

  private update(update: object): string {
    return frame({ method: 'session/update', params: { sessionId: 's', update } });
  }
}

/** Claude Code's stream-json. */
class Claude implements Protocol {
  readonly write = write;

  take(line: string, greet: () => boolean): Wanted {
    const { type, request_id: id, request } = JSON.parse(line) as Message & { request?: { subtype: string } };
    if (type === 'user') return 'prompted';
    if (type === 'control_response') return 'answered';
    if (request?.subtype === 'initialize' && !greet()) return 'greeted';
    write(lineOf({ type: 'control_response', response: { subtype: 'success', request_id: id, response: {} } }));
    return request?.subtype === 'interrupt' ? 'cancelled' : null;
  }

  frameOf(text: string): string {
    return lineOf({ type: 'stream_event', parent_tool_use_id: null, event: { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: `${text}\n` } } });
  }

  say(text: string): void {
    write(this.frameOf(text));
  }

  startTool(): void {
    write(lineOf({ type: 'assistant', parent_tool_use_id: null, message: { id: 'm1', content: [{ type: 'tool_use', id: 't1', name: 'Bash', input: { command: 'sleep' } }] } }));
  }

  ask({ tool, options }: { tool: string | null; options: boolean }): void {
    const what = tool === null ? {} : { tool_name: tool, tool_use_id: 'nobody' };
    write(lineOf({ type: 'control_request', request_id: 'q1', request: { subtype: 'can_use_tool', ...what, ...(options && { input: {} }) } }));
  }

  endTurn(): void {
    write(lineOf({ type: 'result', subtype: 'success', is_error: false, stop_reason: 'end_turn', result: '', usage: {}, modelUsage: {} }));
  }
}

/** The app-server of codex. */
class Codex implements Protocol {
  private turns = 0;
  readonly write = write;

  take(line: string, greet: () => boolean): Wanted {
    const { id, method } = JSON.parse(line) as Message;
    if (method === undefined) return 'answered';
    if (method === 'initialize' && !greet()) return 'greeted';
    if (method === 'turn/start') this.turns += 1;
    if (id !== undefined) write(lineOf({ id, result: { requiresOpenaiAuth: false, thread: { id: 'thread' }, turn: { id: this.turn } } }));
    return method === 'turn/start' ? 'prompted' : method === 'turn/interrupt' ? 'cancelled' : null;
  }

  frameOf(text: string): string {
    return this.tell('item/agentMessage/delta', { itemId: 'message', delta: `${text}\n` });
  }

  say(text: string): void {
    write(this.frameOf(text));
  }

  startTool(): void {
    write(this.tell('item/started', { item: { type: 'commandExecution', id: 't1', command: 'sleep', status: 'inProgress' } }));
  }

  ask({ tool, options }: { tool: string | null; options: boolean }): void {
    const what = tool === null ? {} : { itemId: 'nobody', command: tool, cwd: '/' };
    write(lineOf({ id: 1, method: 'item/commandExecution/requestApproval', params: { threadId: 'thread', turnId: this.turn, ...what, ...(!options && { availableDecisions: [] }) } }));
  }

  endTurn(): void {
    write(this.tell('turn/completed', { turn: { id: this.turn, status: 'completed', error: null } }));
  }

  private get turn(): string {
    return `turn-${this.turns}`;
  }

  private tell(method: string, params: object): string {
    return lineOf({ method, params: { threadId: 'thread', turnId: this.turn, ...params } });
  }
}

/** No protocol at all: lines. */
class Plain implements Protocol {
  private begun = false;
  readonly write = write;

  take(): Wanted {
    const first = !this.begun;
    this.begun = true;
    return first ? 'prompted' : 'answered';
  }

  frameOf(text: string): string {
    return `${text}\n`;
  }

  say(text: string): void {
    write(this.frameOf(text));
  }

  startTool(): void {}
  ask(): void {}
  endTurn(): void {}
}

function lineOf(message: object): string {
  return `${JSON.stringify(message)}\n`;
}

function frame(message: object): string {
  return lineOf({ jsonrpc: '2.0', ...message });
}

/** By the name of the driver that speaks it. */
export const PROTOCOLS: Record<string, () => Protocol> = {
  acp: () => new Acp(),
  'claude-code': () => new Claude(),
  codex: () => new Codex(),
  process: () => new Plain(),
};
