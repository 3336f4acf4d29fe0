import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, constants, openSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import type { StepRecorder } from '../journal/step-recorder.js';
import { WRITTEN_KEYS_MAX } from '../limits.js';
import { programPath } from '../process/wrapper.js';
import { tempDir } from '../testing/temp-dir.js';
import { AgentInput } from './agent-input.js';
import type { AgentProcess } from './agent-process.js';

const recorder = { touch: () => undefined, whenDurable: (then: () => void) => then() } as Partial<StepRecorder> as StepRecorder;

let dir: ReturnType<typeof tempDir>;
let path: string;
let ended: () => void;
let agent: AgentProcess;
let input: AgentInput;
beforeEach(() => {
  dir = tempDir();
  path = join(dir.path, 'in');
  execFileSync(programPath('mkfifo', true), [path]);
  const exit = { exitCode: 1, signal: null };
  const fake: Partial<AgentProcess> = { dropWriteEnd: () => undefined, exited: new Promise((resolve) => { ended = () => { fake.exit = exit; resolve(exit); }; }) };
  agent = fake as AgentProcess;
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

describe('a line into a pipe that nobody has open any more', () => {
  let became: string;

  /** Its agent has closed its stdin, and what holds it open beside is gone as well. */
  async function unread(unreadMs?: number): Promise<void> {
    input.end();
    input = new AgentInput(path, agent, recorder, { unsent: [], stdinClosed: false }, unreadMs);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    await input.send('first', 'read by somebody');
    closeSync(reader);
    became = 'nothing';
    input.send('prompt', 'hello').then(() => { became = 'written'; }, (error: Error) => { became = error.message; });
    await settled();
  }

  it('waits to hear that its agent has died, and is then told nothing of', async () => {
    await unread();
    ended();
    await settled();
    expect(became).toBe('nothing');
  });

  it('was not written, if that is not heard of for long', async () => {
    await unread(0);
    await eventually(() => became !== 'nothing');
    expect(became).toBe('The agent takes no input any more.');
  });
});

describe('a line that is in the pipe when its runner dies, before the journal knows of it', () => {
  let reader: number;
  beforeEach(() => { reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK); });
  afterEach(() => { closeSync(reader); });
  const next = (unsent: string[]): AgentInput => {
    input.release();
    return input = new AgentInput(path, agent, recorder, { unsent, stdinClosed: false });
  };

  it('is not written again', async () => {
    await input.send('prompt', 'hello');
    expect(next(['prompt', 'another']).takeLost()).toEqual(['another']);
    expect(next(['prompt']).takeLost()).toEqual([]);
  });

  it('is, where the same key stood for another line before', async () => {
    await input.send('cancel', 'the first');
    const durable = recorder.whenDurable;
    recorder.whenDurable = () => undefined;
    void input.send('cancel', 'the second');
    recorder.whenDurable = durable;
    expect(next(['cancel']).takeLost()).toEqual(['cancel']);
  });

  it('is known among many', async () => {
    const keys = Array.from({ length: 2 * WRITTEN_KEYS_MAX }, (_, n) => `input-${n}`);
    for (const key of keys) await input.send(key, 'x');
    expect(next(['input-0', ...keys.slice(-10)]).takeLost()).toEqual(['input-0']);
  });

  it('is known after one whose record was torn', async () => {
    await input.send('prompt', 'hello');
    appendFileSync(`${path}.written`, '"anoth');
    next([]);
    await input.send('more', 'hello');
    expect(next(['prompt', 'more']).takeLost()).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['its last word is torn', () => { appendFileSync(`${path}.written`, '"anoth'); }],
    ['it is no record any more', () => { writeFileSync(`${path}.written`, '{}\nx\n'); }],
    ['it is a pipe by now', () => { rmSync(`${path}.written`); execFileSync(programPath('mkfifo', true), [`${path}.written`]); }],
    ['it leads to itself', () => { rmSync(`${path}.written`); symlinkSync('in.written', `${path}.written`); }],
  ])('is known as far as its record can be read, where %s', async (what, spoil) => {
    await input.send('prompt', 'hello');
    spoil();
    expect(next(['prompt', 'another']).takeLost()).toEqual(what.includes('torn') ? ['another'] : ['prompt', 'another']);
    await input.send('more', 'hello');
  });
});
