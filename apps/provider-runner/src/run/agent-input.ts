import { setTimeout as delay } from 'node:timers/promises';
import { AppError } from '@orbitmesh/domain';
import { StdinQueue } from '../files/stdin-queue.js';
import { WrittenLines } from '../files/written-lines.js';
import type { RunProgress } from '../journal/fact-journal.js';
import type { StepRecorder } from '../journal/step-recorder.js';
import { LINE_KEY_CHARACTERS_MAX, STDIN_UNREAD_MS } from '../limits.js';
import type { AgentProcess } from './agent-process.js';

type AgentInputProgress = Pick<RunProgress, 'unsent' | 'stdinClosed'>;

/** Lines for the agent: each is written after its step is durable, in order, and known by its key until it is in the FIFO. */
export class AgentInput {
  private readonly queue: StdinQueue;
  /** At first the keys of a former runner that were not known to be written, until its driver has been asked about them. */
  private readonly unsent: Set<string>;
  private readonly writtenLines: WrittenLines;
  private lastWrite: Promise<void> = Promise.resolve();
  private closed: boolean;
  /** The line that a former runner had begun: sent again, it is the same line. */
  private resumed: StdinQueue['resumed'];
  /** How it was left to whoever comes next. */
  private left: AgentInputProgress | undefined;
  private gone = false;

  constructor(
    path: string,
    private readonly agent: AgentProcess,
    private readonly recorder: StepRecorder,
    { stdinClosed, unsent }: AgentInputProgress,
    private readonly unreadMs: number = STDIN_UNREAD_MS,
  ) {
    this.queue = new StdinQueue(path);
    this.closed = stdinClosed;
    this.writtenLines = new WrittenLines(`${path}.written`);
    this.unsent = new Set(unsent.filter((key) => !this.writtenLines.has(key)));
    this.resumed = this.queue.resumed;
    if (stdinClosed) this.drop();
  }

  /** Keys of a former runner that were not known to be written; what is to be sent again is sent in this same step, the others are forgotten. */
  takeLost(): string[] {
    const lost = [...this.unsent];
    this.unsent.clear();
    return lost;
  }

  /** The driver has been asked: a line under a key from before is a new one from now on. */
  forgetResumed(): void {
    this.resumed = undefined;
  }

  get progress(): AgentInputProgress {
    return this.left ?? { unsent: [...this.unsent], stdinClosed: this.closed };
  }

  /** Never settles once the agent is gone, or was let go of: what became of the line is then somebody else's to say. @throws (rejects) VALIDATION_FAILED, LIMIT_REACHED, UNAVAILABLE */
  async send(key: string, line: string): Promise<void> {
    if (key.length > LINE_KEY_CHARACTERS_MAX) throw new AppError('VALIDATION_FAILED', 'The key of a line has at most 128 characters.');
    this.unsent.add(key);
    const resumed = this.resumed?.key === key ? this.resumed : undefined;
    if (!resumed) this.writtenLines.forget(key);
    await new Promise<void>((resolve) => this.recorder.whenDurable(resolve));
    const write = resumed?.whole ?? this.queue.write(key, `${line}\n`);
    this.lastWrite = write.catch(() => undefined);
    try {
      await write;
      this.writtenLines.add(key);
    } catch (error) {
      if (isUnread(error)) await Promise.race([this.agent.exited, delay(this.unreadMs, undefined, { ref: false })]);
      if (this.left || this.gone || this.agent.exit) return new Promise(() => undefined);
      throw error;
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

  /** The agent is gone: nothing is written any more, and how it ended says more than what it did not read. */
  end(): void {
    this.gone = true;
    this.queue.close();
    this.writtenLines.remove();
  }

  /** Lets go of a living agent, which sees nothing of it: what waits stays known as unsent, for the next runner. */
  release(): void {
    this.left ??= this.progress;
    this.queue.release();
  }
}

/** The pipe has no other end any more. What is there of a living agent has: it is held open beside it. */
function isUnread(error: unknown): boolean {
  return error instanceof AppError && error.details.reason === 'EPIPE';
}
