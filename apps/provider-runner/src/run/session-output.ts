import { LineSplitter, TextSplitter } from '../decode/splitter.js';
import type { DriverDefinition, Piece } from '../drivers/driver.js';
import type { TailOptions } from '../files/output-tail.js';
import { RunOutput } from '../files/run-output.js';
import type { FactJournal, Offsets } from '../journal/fact-journal.js';
import type { StepRecorder } from '../journal/step-recorder.js';
import { COALESCE_BYTES_MAX } from '../limits.js';
import type { AgentProcess } from './agent-process.js';
import type { OutputBudget } from './output-budget.js';
import type { RunFiles } from './run-files.js';

export interface SessionOutputOptions {
  definition: Pick<DriverDefinition, 'decoding' | 'lineBytesMax'>;
  files: RunFiles;
  journal: FactJournal;
  recorder: StepRecorder;
  agent: AgentProcess;
  budget: OutputBudget;
  /** Offset of the first byte of each file; kept up to date here. */
  base: Offsets;
  take(stream: keyof Offsets, piece: Piece): void;
  onBacklog(on: boolean): void;
  onFailed(error: unknown): void;
}

/** Begins to follow what the agent of a session writes, from where the journal ends. */
export function followOutput(options: SessionOutputOptions): RunOutput {
  const { journal, recorder, agent, base } = options;
  const output = new RunOutput({
    tails: { stdout: tailOf('stdout', options), stderr: tailOf('stderr', options) },
    journaled: () => journal.progress.upTo,
    journal: async () => {
      await recorder.flush();
      return journal.progress.upTo;
    },
    unackedShare: () => journal.unackedShare,
    suspend: (on) => options.onBacklog(on),
    onShortened: async (stream, begin) => {
      base[stream] = begin;
      await recorder.flush();
    },
    onFailed: (error) => options.onFailed(error),
  });
  agent.onFile((file) => output.wake(file === 'out' ? 'stdout' : file === 'err' ? 'stderr' : undefined));
  return output;
}

function tailOf(stream: keyof Offsets, { definition, files, journal, recorder, budget, base, take }: SessionOutputOptions): TailOptions {
  const { decoding, lineBytesMax } = definition;
  const upTo = journal.progress.upTo[stream];
  const lines = stream === 'stdout' && decoding === 'lines';
  return {
    path: files[stream],
    splitter: lines ? new LineSplitter(lineBytesMax, upTo) : new TextSplitter(Math.min(lineBytesMax, COALESCE_BYTES_MAX), upTo),
    position: upTo,
    base: base[stream],
    onPieces: (pieces) => { for (const piece of pieces) take(stream, piece); },
    room: () => recorder.room(),
    // A protocol's frames are decoded to the end; only what they say is dropped.
    discards: () => !lines && budget.spent,
    onDiscarded: (bytes, end) => {
      budget.drop(bytes, end - bytes);
      recorder.decoded(stream, end);
      recorder.touch();
    },
  };
}
