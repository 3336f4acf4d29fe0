import { AppError } from '@orbitmesh/domain';
import { StdinQueue } from '../files/stdin-queue.js';
import type { RunProgress } from '../journal/fact-journal.js';
import type { StepRecorder } from '../journal/step-recorder.js';
import type { AgentProcess } from './agent-process.js';

const KEY_LENGTH_MAX = 128;

/** Lines for the agent: each is written after its step is durable, in order, and known by its key until it is in the FIFO. */
export class AgentInput {
  private readonly queue: StdinQueue;
  private readonly unsent = new Set<string>();
  private lastWrite: Promise<void> = Promise.resolve();
  private closed: boolean;

  constructor(
    path: string,
    private readonly agent: AgentProcess,
    private readonly recorder: StepRecorder,
    { stdinClosed, midLine, unsent }: Pick<RunProgress, 'stdinClosed' | 'midLine' | 'unsent'>,
  ) {
    this.queue = new StdinQueue(path);
    this.closed = stdinClosed;
    // Part of a line is in the FIFO: it is ended, so that the next one is not taken for the rest of it.
    if (midLine) void this.queue.write('\n').catch(() => undefined);
    if (stdinClosed) this.drop();
    this.lost = [...unsent];
  }

  /** Keys of a former runner that were not known to be written. */
  readonly lost: string[];

  get progress(): Pick<RunProgress, 'unsent' | 'midLine' | 'stdinClosed'> {
    return { unsent: [...this.unsent], midLine: this.queue.midLine, stdinClosed: this.closed };
  }

  /** @throws (rejects) VALIDATION_FAILED, LIMIT_REACHED, UNAVAILABLE */
  async send(key: string, line: string): Promise<void> {
    if (key.length > KEY_LENGTH_MAX) throw new AppError('VALIDATION_FAILED', 'The key of a line has at most 128 characters.');
    this.unsent.add(key);
    await new Promise<void>((resolve) => this.recorder.whenDurable(resolve));
    const write = this.queue.write(`${line}\n`);
    this.lastWrite = write.catch(() => undefined);
    if (this.queue.midLine) this.recorder.touch();
    try {
      await write;
    } finally {
      this.unsent.delete(key);
      this.recorder.touch();
    }
  }

  /** The agent sees the end, after all that was sent before. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.recorder.whenDurable(() => void this.lastWrite.finally(() => this.drop()));
  }

  /** The agent sees the end now, whatever still waits to be read. */
  drop(): void {
    this.closed = true;
    this.queue.close();
    this.agent.dropWriteEnd();
  }

  /** Writes nothing more; the agent sees nothing of it. */
  release(): void {
    this.queue.close('The runner, or the agent, ends.');
  }
}
