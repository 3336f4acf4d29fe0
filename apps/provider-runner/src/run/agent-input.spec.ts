import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import type { StepRecorder } from '../journal/step-recorder.js';
import { programPath } from '../process/wrapper.js';
import { tempDir } from '../testing/temp-dir.js';
import { AgentInput } from './agent-input.js';
import type { AgentProcess } from './agent-process.js';

const recorder = { touch: () => undefined, whenDurable: (then: () => void) => then() } as Partial<StepRecorder> as StepRecorder;
const agent = { dropWriteEnd: () => undefined } as Partial<AgentProcess> as AgentProcess;

let dir: ReturnType<typeof tempDir>;
let input: AgentInput;
beforeEach(() => {
  dir = tempDir();
  const path = join(dir.path, 'in');
  execFileSync(programPath('mkfifo', true), [path]);
  input = new AgentInput(path, agent, recorder, { unsent: [], stdinClosed: false });
});
afterEach(() => {
  input.end();
  dir.remove();
});

/** Nothing here waits for more than a promise. */
const settled = async (): Promise<void> => { for (let n = 0; n < 50; n += 1) await Promise.resolve(); };

/** What became of a line that nobody reads, once `end` was done. */
async function becameOf(end: () => void): Promise<string> {
  let became = 'nothing';
  input.send('prompt', 'hello').then(() => { became = 'written'; }, (error: Error) => { became = error.message; });
  await settled();
  end();
  await settled();
  return became;
}

it('says of a line that its agent did not read nothing, once that is gone: how it ended is told', async () => {
  expect(await becameOf(() => input.end())).toBe('nothing');
});

it('says that a line was not written where the input of a living agent is closed', async () => {
  expect(await becameOf(() => input.drop())).toBe('The input of the agent is closed.');
});
