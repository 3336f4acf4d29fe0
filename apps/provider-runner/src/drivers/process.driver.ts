import { access, constants } from 'node:fs/promises';
import { AppError, type Manifest, type ProviderEntry } from '@orbitmesh/domain';
import { HELD_INPUT_BYTES_MAX, PROCESS_LINE_BYTES_MAX } from '../limits.js';
import type { Detection, Driver, DriverDefinition, DriverHost, DriverState, DriverStatus, Piece, ProcessExit } from './driver.js';

const STDIN_MODES = ['prompt', 'once', 'none'] as const;
type StdinMode = (typeof STDIN_MODES)[number];

/**
 * Any configured command (design §7): what it writes is output, its exit code decides. `custom`:
 * `stdin` `prompt` (default: the first prompt as a block of lines, then each input as a line), `once`
 * (the prompt, then the end of stdin), `none` (stdin is at its end from the start).
 */
export const processDriver: DriverDefinition = {
  name: 'process',
  stateVersion: 1,
  decoding: 'text',
  lineBytesMax: PROCESS_LINE_BYTES_MAX,
  capabilities: (entry) => ({
    pause: 'none',
    input: stdinMode(entry) === 'prompt',
    interrupt: false, steer: false, approvals: false, mcp: false, usage: false, recover: true, continue: false,
  }),
  detect: detectCommand,
  check: (entry) => {
    const mode = entry.custom?.stdin;
    if (mode !== undefined && !STDIN_MODES.includes(mode as StdinMode)) {
      throw new AppError('CONFIG_INVALID', `custom.stdin of a process is one of ${STDIN_MODES.join(', ')}.`);
    }
  },
  create: (host) => new ProcessConversation(host),
};

const inputKey = (inputId: string): string => `input:${inputId}`;

function stdinMode(entry: ProviderEntry): StdinMode {
  return (entry.custom?.stdin as StdinMode | undefined) ?? 'prompt';
}

async function detectCommand(entry: ProviderEntry): Promise<Detection> {
  try {
    await access(entry.command[0], constants.X_OK);
    return { installed: true, version: null, detail: null };
  } catch {
    return { installed: false, version: null, detail: `${entry.command[0]} cannot be executed.` };
  }
}

interface Held { inputId: string; text: string }

class ProcessConversation implements Driver {
  private promptSent = false;
  private held: Held[] = [];

  constructor(private readonly host: DriverHost) {}

  start(): void {
    this.host.emit({ type: 'run_started', pid: this.host.pid });
    this.host.emit({ type: 'activity', activity: 'executing' });
    this.sendPrompt();
  }

  recover(saved: { state: DriverState; unsent: string[] }): void {
    this.promptSent = saved.state.promptSent === true;
    this.held = saved.state.held as Held[];
    if (saved.unsent.includes('prompt')) this.sendPrompt();
    for (const input of [...this.held]) {
      if (saved.unsent.includes(inputKey(input.inputId))) this.deliver(input);
      // Written, and the runner did not live to say so.
      else this.settle(input, { type: 'input_delivered', inputId: input.inputId });
    }
  }

  stdout(piece: Piece): void {
    this.host.emit({ type: 'output', stream: 'stdout', content: piece.text });
  }

  input(input: Held): void {
    const heldBytes = this.held.reduce((sum, { text }) => sum + Buffer.byteLength(text), Buffer.byteLength(input.text));
    if (heldBytes > HELD_INPUT_BYTES_MAX) {
      this.host.emit({ type: 'input_failed', inputId: input.inputId, reason: 'The program does not read its input.' });
      return;
    }
    this.held.push(input);
    this.deliver(input);
  }

  interrupt(): void {}
  answerApproval(): void {}
  pause(): void {}
  resume(): void {}
  stop(): void {}

  exited(_exit: ProcessExit): void {
    for (const { inputId } of this.held.splice(0)) this.host.emit({ type: 'input_failed', inputId, reason: 'The program ended before it read this.' });
  }

  status(): DriverStatus {
    return { activity: 'executing', busy: false, queuedInputs: this.held.length };
  }

  snapshot(): DriverState {
    return { promptSent: this.promptSent, held: this.held };
  }

  private sendPrompt(): void {
    const mode = stdinMode(this.host.run.entry);
    this.promptSent = true;
    const prompt = promptOf(this.host.run.manifest);
    if (mode !== 'none' && prompt !== '') void this.host.send('prompt', prompt);
    if (mode !== 'prompt') this.host.closeStdin();
  }

  private deliver(input: Held): void {
    this.host.send(inputKey(input.inputId), input.text).then(
      () => this.settle(input, { type: 'input_delivered', inputId: input.inputId }),
      (error: Error) => this.settle(input, { type: 'input_failed', inputId: input.inputId, reason: error.message }),
    );
  }

  private settle(input: Held, fact: { type: 'input_delivered'; inputId: string } | { type: 'input_failed'; inputId: string; reason: string }): void {
    const at = this.held.indexOf(input);
    if (at < 0) return;
    this.held.splice(at, 1);
    this.host.emit(fact);
  }
}

function promptOf({ systemPrompt, prompt }: Manifest): string {
  return [systemPrompt, prompt].filter((part) => part !== '').join('\n\n');
}
