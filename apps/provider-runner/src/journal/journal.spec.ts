import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EVENT_BYTES_MAX } from '@orbitmesh/contracts';
import { AppError, Redactor, type RunFact } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import { tempDir } from '../testing/temp-dir.js';
import { JOURNAL_FILE_BYTES_MAX, JOURNAL_WAITING_BYTES_MAX, PENDING_ACTIONS_MAX } from '../limits.js';
import { boundFact, jsonBytes } from './fact-size.js';
import { FactJournal } from './fact-journal.js';
import { StepRecorder } from './step-recorder.js';

const output = (content: string): RunFact => ({ type: 'output', stream: 'stdout', content });
const activity: RunFact = { type: 'activity', activity: 'thinking' };

describe('the fact journal of a run', () => {
  let dir: ReturnType<typeof tempDir>;
  let journal: FactJournal;
  let recorder: StepRecorder;
  let durable: number;
  let state: Record<string, unknown>;
  let secrets: string[];

  const open = async (): Promise<void> => {
    journal = await FactJournal.open(dir.path, 1);
    recorder = new StepRecorder({
      journal, redactor: new Redactor(secrets), log: () => undefined, onDurable: () => { durable += 1; },
      changes: () => ({ driver: { version: 1, state: { ...state } } }),
    });
  };
  const reopen = async (): Promise<void> => {
    recorder.close();
    await journal.close();
    await open();
  };
  const facts = (): RunFact[] => journal.unacked.map(({ fact }) => fact);
  const said = (): string => facts().map((fact) => (fact.type === 'output' ? fact.content : `<${fact.type}>`)).join('');

  beforeEach(async () => {
    dir = tempDir();
    durable = 0;
    state = {};
    secrets = [];
    await open();
  });
  afterEach(async () => {
    recorder.close();
    await journal.close();
    dir.remove();
  });

  it('keeps facts, offset and driver state of a step together, and goes on after being opened again', async () => {
    recorder.decoded('stdout', 17);
    recorder.emit(activity);
    state = { turn: 'one' };
    recorder.takeInput('inp_1');
    await recorder.flush();
    const before = journal.unacked;

    await reopen();

    expect(journal.unacked).toEqual(before);
    expect(journal.progress).toMatchObject({ runSeq: 1, upTo: { stdout: 17, stderr: 0 }, driver: { version: 1, state: { turn: 'one' } } });
    expect(journal.hasInput('inp_1')).toBe(true);
    recorder.emit(activity);
    await recorder.flush();
    expect(journal.unacked.map(({ runSeq }) => runSeq)).toEqual([1, 2]);
  });

  it('gives the first piece of output at once, then few and larger ones, in the order of everything else', async () => {
    recorder.emit(output('a'));
    await eventually(() => said() === 'a');
    for (const piece of 'bcdefg') recorder.emit(output(piece));
    recorder.emit(activity);
    recorder.emit(output('h'));
    await eventually(() => said() === 'abcdefg<activity>h');

    expect(facts().map((fact) => fact.type)).toEqual(['output', 'output', 'activity', 'output']);
  });

  it('never lets an offset run ahead of the output that waits', async () => {
    recorder.emit(output('first'));
    recorder.decoded('stdout', 5);
    await recorder.flush();
    recorder.decoded('stdout', 11);
    recorder.emit(output('second'));

    expect(journal.progress.upTo.stdout).toBe(5);
    await eventually(() => journal.progress.upTo.stdout === 11);
    expect(said()).toBe('firstsecond');
  });

  it('splits a long output into pieces of 16 KiB without splitting a character', async () => {
    const text = '€'.repeat(20_000);
    recorder.emit(output(text));
    await recorder.flush();

    expect(said()).toBe(text);
    expect(Math.max(...facts().map((fact) => Buffer.byteLength((fact as { content: string }).content)))).toBeLessThanOrEqual(16 * 1024);
  });

  it('takes secrets out of all facts, also one that arrives in two pieces', async () => {
    secrets = ['top-secret-value'];
    await reopen();

    recorder.emit(output('key: top-sec'));
    recorder.emit(output('ret-value, and more\n'));
    recorder.emit({ type: 'tool_call', toolCallId: '1', rawInput: { args: ['--key', 'top-secret-value'] } });
    await recorder.flush();

    expect(said()).toContain('key: [redacted], and more\n');
    expect(JSON.stringify(facts())).not.toContain('top-secret-value');
  });

  it('tells no more of a secret whose beginning has gone out before something else happened', async () => {
    secrets = ['top-secret-value'];
    await reopen();

    recorder.emit(output('key: top-sec'));
    recorder.emit({ type: 'tool_call', toolCallId: '1' });
    recorder.emit(output('ret-value, and ghp'));
    await recorder.flush();
    recorder.emit(output(`_${'aB3'.repeat(12)} too`));
    await recorder.flush();

    expect(said()).toBe('key: top-sec<tool_call>[redacted], and ghp[redacted] too');
  });

  it('takes secrets of all kinds out of what comes in pieces of any size, and nothing else', async () => {
    const secret = 'zq"9\\x/+ ä-secret-4711';
    secrets = [secret];
    const forms = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret), Buffer.from(`user:${secret}`).toString('base64'), `${secret.slice(0, 9)}\n  ${secret.slice(9)}`, `AKIA${'Q7'.repeat(8)}`];
    const text = forms.map((form, n) => `form ${n}: ${form};\n`).join('');
    await reopen();
    for (const size of [1, 2, 3, 7, 50, 1_000]) {
      const before = said().length;
      for (let at = 0; at < text.length; at += size) recorder.emit(output(text.slice(at, at + size)));
      await recorder.flush();
      expect(said().slice(before).replace(/: \S*\[redacted\]\S{0,3};/g, ': x;')).toBe(forms.map((_, n) => `form ${n}: x;\n`).join(''));
    }
  });

  it('takes secrets out of what a driver holds of its agent, too: the journal is a file', async () => {
    secrets = ['top-secret-value'];
    await reopen();
    state = { toolCalls: { 1: { tail: 'key: top-secret-value' } } };
    recorder.touch();
    await recorder.flush();
    expect(JSON.stringify(journal.progress)).not.toContain('top-secret-value');
    expect(journal.progress.driver?.state).toEqual({ toolCalls: { 1: { tail: 'key: [redacted]' } } });
  });

  it('waits for the rest of what may be a secret, though not for ever', async () => {
    secrets = ['top-secret-value'];
    await reopen();

    const begun = performance.now();
    recorder.emit(output('on top'));
    await eventually(() => said() === 'on top');

    expect(performance.now() - begun).toBeGreaterThan(500);
  });

  it('removes its files once their facts are acknowledged, and never what is not', async () => {
    const big = 'x'.repeat(15_000);
    for (let n = 0; n < 700; n += 1) {
      recorder.emit(output(big));
      recorder.emit(activity);
      if (n % 50 === 0) await recorder.flush();
    }
    await recorder.flush();
    expect(readdirSync(dir.path).sort()).toEqual(['1.log', '2.log']);
    const last = journal.progress.runSeq;

    journal.ack(last - 1);
    expect(readdirSync(dir.path)).toEqual(['2.log']);
    await reopen();
    journal.ack(last - 1);

    expect(journal.unacked.map(({ runSeq }) => runSeq)).toEqual([last]);
    expect(journal.progress.runSeq).toBe(last);
  });

  it('keeps what was said while the disk refuses, and writes it once, when it takes it again', async () => {
    const append = journal.append.bind(journal);
    let refusals = 2;
    journal.append = async (step) => {
      if (refusals > 0) {
        refusals -= 1;
        throw new AppError('STORAGE_FULL');
      }
      return append(step);
    };
    recorder.emit(output('kept'));
    recorder.emit(activity);
    await recorder.flush();

    expect(said()).toBe('kept<activity>');
    expect(refusals).toBe(0);
    expect(durable).toBe(1);
  });

  it('does not wait for a disk that takes nothing once its runner leaves, also where it waits already; what was not written is not said', async () => {
    const append = journal.append.bind(journal);
    let refused = 0;
    journal.append = async () => {
      refused += 1;
      throw new AppError('STORAGE_FULL');
    };
    recorder.emit(activity);
    const flushed = recorder.flush();
    await eventually(() => refused > 3);
    recorder.leave();
    await flushed;
    journal.append = append;
    recorder.emit(activity);
    await recorder.flush();
    await reopen();
    expect(said()).toBe('');

    recorder.leave();
    recorder.emit(output('kept'));
    await recorder.flush();
    expect(said()).toBe('kept');
  });

  it('removes its files also while steps say nothing that could be acknowledged, and counts those that must be kept', async () => {
    const silent = async (times: number): Promise<void> => {
      const driver = { version: 1, state: { held: 'x'.repeat(JOURNAL_FILE_BYTES_MAX) } };
      for (let n = 0; n < times; n += 1) await journal.append({ facts: [], progress: { driver } });
    };
    await silent(2);
    expect(readdirSync(dir.path)).toEqual(['2.log']);

    recorder.emit(activity);
    await recorder.flush();
    await silent(3);
    expect(journal.unackedShare).toBeGreaterThan(2 * JOURNAL_FILE_BYTES_MAX / JOURNAL_WAITING_BYTES_MAX);
    journal.ack(journal.progress.runSeq);
    expect(journal.unackedShare).toBe(0);
    expect(readdirSync(dir.path)).toHaveLength(1);
  });

  it('has no room while too many lines wait for their step, and has it again when it is durable', async () => {
    for (let n = 0; n < PENDING_ACTIONS_MAX; n += 1) recorder.whenDurable(() => undefined);
    let room = false;
    void recorder.room().then(() => { room = true; });
    await Promise.resolve();
    expect(room).toBe(false);
    await eventually(() => room);
  });

  it('has no room while too much is unacknowledged, and has it again after an acknowledgement', async () => {
    for (let n = 0; n < 1_100; n += 1) recorder.emit(output('y'.repeat(16_000)));
    await recorder.flush();
    let room = false;
    void recorder.room().then(() => { room = true; });
    await Promise.resolve();
    expect(room).toBe(false);

    journal.ack(journal.progress.runSeq);
    recorder.acknowledged();

    await eventually(() => room);
  });
});

describe('what a fact counts for', () => {
  it('is its size, or the least size; text that joins what waits counts as itself', async () => {
    const dir = tempDir();
    const journal = await FactJournal.open(dir.path, 1);
    const recorder = new StepRecorder({ journal, redactor: new Redactor([]), log: () => undefined, onDurable: () => undefined, changes: () => ({}) });

    expect([recorder.emit(activity), recorder.emit(output('a')), recorder.emit(output('bcd')), recorder.emit({ type: 'metadata', key: 'k', value: 'v'.repeat(1_000) })])
      .toEqual([256, 256, 3, jsonBytes({ type: 'metadata', key: 'k', value: 'v'.repeat(1_000) })]);
    await recorder.flush();
    expect(journal.unackedShare).toBeGreaterThanOrEqual(3 / 20_000);

    for (let n = 3; n < 20_000; n += 1) recorder.emit(activity);
    await recorder.flush();
    expect(journal.unackedShare).toBe(1);
    recorder.close();
    await journal.close();
    dir.remove();
  });
});

describe('boundFact', () => {
  it('leaves an ordinary fact as it is, and cuts the largest field of one that is too large, and says so', () => {
    const small: RunFact = { type: 'tool_call', toolCallId: '1', rawInput: { a: 1 } };
    const large: RunFact = { type: 'tool_call', toolCallId: '1', title: 'write', rawInput: { text: '\u0001"€'.repeat(200_000) } };

    const bounded = boundFact(large) as Extract<RunFact, { type: 'tool_call' }>;

    expect(boundFact(small)).toBe(small);
    expect(jsonBytes(bounded)).toBeLessThanOrEqual(EVENT_BYTES_MAX);
    expect(bounded).toMatchObject({ toolCallId: '1', title: 'write', truncated: { field: 'rawInput' } });
  });

  it('bounds a fact whose fields are all large', () => {
    const fact: RunFact = { type: 'approval_requested', approvalId: 'a', title: 't'.repeat(300_000), toolCall: { x: 'y'.repeat(300_000) }, options: [] };

    expect(jsonBytes(boundFact(fact))).toBeLessThanOrEqual(EVENT_BYTES_MAX);
  });
});
