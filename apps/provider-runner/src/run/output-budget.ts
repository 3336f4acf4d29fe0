import { RUN_OUTPUT_BYTES_MAX } from '../limits.js';
import type { DriverFact } from '../drivers/driver.js';
import type { StepRecorder } from '../journal/step-recorder.js';

/** A run's output as facts is bounded; what is over is dropped and said, at once when it begins and in all at the end (design §7). */
export class OutputBudget {
  private dropFrom: number;

  constructor(
    private readonly recorder: StepRecorder,
    readonly progress: { outputBytes: number; droppedBytes: number },
    upTo: number,
    private readonly bytesMax: number = RUN_OUTPUT_BYTES_MAX,
  ) {
    this.dropFrom = upTo;
  }

  get spent(): boolean {
    return this.progress.outputBytes >= this.bytesMax;
  }

  /** @returns whether the fact may go out; only text counts */
  takes(fact: DriverFact, offset: number): boolean {
    if (fact.type !== 'output' && fact.type !== 'thought') return true;
    const bytes = Buffer.byteLength(fact.content);
    if (this.spent) {
      this.drop(bytes, offset);
      return false;
    }
    this.progress.outputBytes += bytes;
    return true;
  }

  drop(bytes: number, fromOffset: number): void {
    if (this.progress.droppedBytes === 0) {
      this.dropFrom = fromOffset;
      this.recorder.emit({ type: 'output_dropped', bytes, fromOffset });
    }
    this.progress.droppedBytes += bytes;
  }

  /** The whole number, once nothing comes any more. */
  sum(): void {
    const { droppedBytes } = this.progress;
    if (droppedBytes > 0) this.recorder.emit({ type: 'output_dropped', bytes: droppedBytes, fromOffset: this.dropFrom });
  }
}
