import { Redactor, type RunFact } from '@orbitmesh/domain';
import { FactJournal, type RunProgress } from '../journal/fact-journal.js';
import { FactSender } from '../journal/fact-sender.js';
import { StepRecorder } from '../journal/step-recorder.js';
import type { RunEnvironment } from './run-environment.js';
import type { RunLog } from './run-log.js';
import type { RunRecord } from './run-record.js';

export interface VoiceOptions {
  env: RunEnvironment;
  dir: string;
  run: Pick<RunRecord, 'sessionId' | 'runId' | 'epoch'>;
  /** Values that must not leave the runner. */
  secrets: string[];
  log: RunLog;
  changes(): Partial<RunProgress>;
  onAcknowledged(): void;
  onRefused(reason: string): void;
}

/** How a run is heard: its journal, what writes to it, and what sends it. */
export class RunVoice {
  private constructor(
    readonly journal: FactJournal,
    readonly recorder: StepRecorder,
    private readonly sender: FactSender,
  ) {}

  static async open({ env, dir, run, secrets, log, changes, onAcknowledged, onRefused }: VoiceOptions): Promise<RunVoice> {
    const { sessionId, runId, epoch } = run;
    const journal = await FactJournal.open(dir, epoch);
    if (journal.damaged > 0) log('error', 'records of a fact journal are damaged; what they said is lost', { damaged: journal.damaged });
    const sender: FactSender = new FactSender({
      bus: env.bus, journal, log, run: { runnerId: env.runnerId, sessionId, runId, epoch }, onRefused,
      onAcknowledged: (facts) => {
        for (const { fact } of facts) env.metrics.count('orbitmesh_facts_total', 'What runs said that session-service has taken, by kind.', { type: fact.type });
        recorder.acknowledged();
        onAcknowledged();
      },
    });
    const recorder = new StepRecorder({ journal, log, redactor: new Redactor(secrets, run), changes, onDurable: () => sender.kick(), onUnwritten: (error) => env.disk.failed(error) });
    sender.kick();
    return new RunVoice(journal, recorder, sender);
  }

  /** Everything was said, the end too, and acknowledged. */
  get silent(): boolean {
    return this.journal.progress.ended && this.journal.unacked.length === 0;
  }

  /** The runner leaves: nothing waits any more for a disk that takes nothing. */
  leave(): void {
    this.recorder.leave();
  }

  /** Resolves when the run's last fact is durable. */
  async sayLast(fact: RunFact): Promise<void> {
    this.recorder.emit(fact);
    this.recorder.finish();
    await this.recorder.flush();
  }

  /** Nobody listens any more: nothing is said, and nothing waits for an acknowledgement. */
  silence(): void {
    this.sender.stop();
    this.recorder.close();
  }

  /** @param finishing what was decoded is made durable first */
  async close(finishing: boolean): Promise<void> {
    this.sender.stop();
    if (finishing) await this.recorder.flush();
    this.recorder.close();
    await this.journal.close();
  }
}
