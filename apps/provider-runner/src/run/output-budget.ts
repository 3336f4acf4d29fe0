import { RUN_CONTROL_BYTES_MAX, RUN_OUTPUT_BYTES_MAX } from '../limits.js';
import type { DriverFact } from '../drivers/driver.js';
import { jsonBytes } from '../journal/fact-size.js';
import type { StepRecorder } from '../journal/step-recorder.js';

/** Facts that only tell something; a session goes on without them. The others move it, and are answers to what somebody waits for. */
const TELLING: readonly DriverFact['type'][] = ['output', 'thought', 'plan', 'tool_call', 'metadata', 'metric', 'error', 'activity'];

export interface BudgetOptions {
  recorder: Pick<StepRecorder, 'emit'>;
  progress: { outputBytes: number; droppedBytes: number };
  upTo: number;
  /** Even facts that move the session have become too many. */
  onExhausted(): void;
  limits?: typeof LIMITS;
}

const LIMITS = { bytes: RUN_OUTPUT_BYTES_MAX, controlBytes: RUN_CONTROL_BYTES_MAX };

/**
 * All facts of a run count, each with a least size, so that no kind of them is without a bound; what
 * is over is dropped and said, at once when it begins and in all at the end (design §7).
 */
export class OutputBudget {
  readonly progress: BudgetOptions['progress'];
  private readonly limits: typeof LIMITS;
  private dropFrom: number;
  private saidBytes = 0;

  constructor(private readonly options: BudgetOptions) {
    this.progress = options.progress;
    this.limits = options.limits ?? LIMITS;
    this.dropFrom = options.upTo;
  }

  get spent(): boolean {
    return this.progress.outputBytes >= this.limits.bytes;
  }

  say(fact: DriverFact, offset: number): void {
    if (this.spent && TELLING.includes(fact.type)) return this.drop(bytesOf(fact), offset);
    this.progress.outputBytes += this.options.recorder.emit(fact);
    if (this.progress.outputBytes >= this.limits.bytes + this.limits.controlBytes) this.options.onExhausted();
  }

  drop(bytes: number, fromOffset: number): void {
    this.progress.droppedBytes += bytes;
    if (this.progress.droppedBytes > bytes) return;
    this.dropFrom = fromOffset;
    this.sum();
  }

  /** The whole number, once nothing comes any more. */
  sum(): void {
    const { droppedBytes } = this.progress;
    if (droppedBytes === this.saidBytes) return;
    this.saidBytes = droppedBytes;
    this.options.recorder.emit({ type: 'output_dropped', bytes: droppedBytes, fromOffset: this.dropFrom });
  }
}

/** What is told as dropped: of text its own bytes, of everything else those of the fact. */
function bytesOf(fact: DriverFact): number {
  return fact.type === 'output' || fact.type === 'thought' ? Buffer.byteLength(fact.content) : jsonBytes(fact);
}
