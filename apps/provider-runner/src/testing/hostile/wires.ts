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

function frame(message: object): string {
  return `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`;
}

/** By the name of the driver that speaks it. */
export const PROTOCOLS: Record<string, () => Protocol> = {
  acp: () => new Acp(),
  process: () => new Plain(),
};
