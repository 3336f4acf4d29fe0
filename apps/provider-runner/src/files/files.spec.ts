import { execFileSync } from 'node:child_process';
import { appendFileSync, closeSync, constants, openSync, readdirSync, readFileSync, readSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { LineSplitter, TextSplitter } from '../decode/splitter.js';
import type { Offsets } from '../journal/fact-journal.js';
import { tempDir } from '../testing/temp-dir.js';
import { forgetRest, recoverRawFile, shortenRawFile } from './raw-file.js';
import { RunOutput } from './run-output.js';
import { STDIN_QUEUE_LINES_MAX } from '../limits.js';
import { StdinQueue } from './stdin-queue.js';

let dir: ReturnType<typeof tempDir>;
beforeEach(() => { dir = tempDir(); });
afterEach(() => dir.remove());

describe('StdinQueue', () => {
  let fifo: string;
  let reader: number | undefined;
  const openReader = (): number => openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const readAll = (fd: number): number => {
    const bytes = Buffer.alloc(1024 * 1024);
    let total = 0;
    try {
      for (let count = readSync(fd, bytes); count > 0; count = readSync(fd, bytes)) total += count;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
    return total;
  };

  beforeEach(() => {
    fifo = join(dir.path, 'in');
    execFileSync('/usr/bin/mkfifo', [fifo]);
    reader = undefined;
  });
  afterEach(() => { if (reader !== undefined) closeSync(reader); });

  it('waits for a reader that comes late, and says when every byte is there', async () => {
    const queue = new StdinQueue(fifo);
    const written = queue.write('k', 'hello\n');
    reader = openReader();
    await written;

    expect(readAll(reader)).toBe(6);
    queue.close();
  });

  it('takes what a pipe cannot, blocks nothing meanwhile, refuses past its bound, and goes on when somebody reads', async () => {
    reader = openReader();
    const queue = new StdinQueue(fifo, 1_000_000);
    const large = queue.write('k', `${'x'.repeat(900_000)}\n`);
    const stat = eventually(() => statSync(fifo).isFIFO());

    await expect(queue.write('k', 'y'.repeat(200_000))).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    expect(queue.midLine).toBe(true);
    await stat;
    let total = 0;
    await eventually(() => { total += readAll(reader!); return total === 900_001; });
    await large;
    expect(queue.midLine).toBe(false);
    expect(queue.queuedBytes).toBe(0);
    queue.close();
  });

  it('refuses lines past their number, however short', async () => {
    const queue = new StdinQueue(fifo);
    const lines = Array.from({ length: STDIN_QUEUE_LINES_MAX }, () => queue.write('k', '\n').catch(() => undefined));
    await expect(queue.write('k', '\n')).rejects.toMatchObject({ code: 'LIMIT_REACHED' });
    queue.close();
    await Promise.all(lines);
  });

  it('rejects what waits when nobody reads any more', async () => {
    reader = openReader();
    const queue = new StdinQueue(fifo);
    const waiting = queue.write('k', 'x'.repeat(500_000));
    closeSync(reader);
    reader = undefined;

    await expect(waiting).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    await expect(queue.write('k', 'more')).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});

describe('a line that its runner had begun to write', () => {
  let fifo: string;
  let agent: number;

  beforeEach(() => {
    fifo = join(dir.path, 'in');
    execFileSync('/usr/bin/mkfifo', [fifo]);
    agent = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  });
  afterEach(() => closeSync(agent));

  const long = (text: string, length = 200_000): string => `${text.repeat(length)}\n`;
  /** All that the agent reads until it has seen so many lines. */
  const read = async (lines: number): Promise<string> => {
    let text = '';
    const buffer = Buffer.alloc(100_000);
    await eventually(() => {
      try {
        for (;;) text += buffer.toString('utf8', 0, readSync(agent, buffer));
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      }
      return text.split('\n').length > lines;
    }, { what: `${lines} lines` });
    return text;
  };

  it('is completed by the next one, whoever comes and however often, and the agent reads it once', async () => {
    const first = new StdinQueue(fifo);
    const lost = expect(first.write('prompt', long('a'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    first.release();
    await lost;
    new StdinQueue(fifo).release();
    const third = new StdinQueue(fifo);
    const next = third.write('input', long('b'));

    expect(third.resumed?.key).toBe('prompt');
    expect(await read(2) === long('a') + long('b')).toBe(true);
    await third.resumed!.whole;
    await next;
    expect(readdirSync(dir.path)).toEqual(['in']);
  });

  it.each([
    ['in the very moment of a write', (record: string) => `${'?'.padEnd(16)}${record.slice(16)}`],
    ['with only half of it kept, on a full disk', (record: string) => record.slice(0, 100)],
    ['before any of it was kept', () => ''],
  ])('is ended where its runner died %s, so that the next line is not taken for its rest', async (_when, damaged) => {
    const first = new StdinQueue(fifo);
    const lost = expect(first.write('prompt', long('a'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    first.release();
    await lost;
    writeFileSync(`${fifo}.begun`, damaged(readFileSync(`${fifo}.begun`, 'latin1')), 'latin1');

    const second = new StdinQueue(fifo);
    const again = second.write('prompt', long('a'));

    expect(second.resumed).toBeUndefined();
    const lines = (await read(2)).split('\n');
    expect(lines[0].length).toBeLessThan(200_000);
    expect(`${lines[1]}\n` === long('a')).toBe(true);
    await again;
    expect(readdirSync(dir.path)).toEqual(['in']);
  });

  it('leaves nothing of a line that the pipe took whole, or whose agent is gone', async () => {
    const queue = new StdinQueue(fifo);
    await queue.write('a', long('a', 1_000));
    await queue.write('b', long('b', 20_000));
    expect(readdirSync(dir.path)).toEqual(['in']);

    const lost = expect(queue.write('c', long('c'))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(readdirSync(dir.path)).toEqual(['in', 'in.begun']);
    queue.close();
    await lost;
    expect(readdirSync(dir.path)).toEqual(['in']);
  });
});

describe('a raw file that is shortened', () => {
  const path = (): string => join(dir.path, 'out');

  it('keeps what is not journaled, at its offset', async () => {
    writeFileSync(path(), '0123456789');

    await shortenRawFile(path(), 100, 107);
    forgetRest(path());

    expect(readFileSync(path(), 'utf8')).toBe('789');
    expect(recoverRawFile(path(), 107)).toBe(107);
  });

  it('is finished by the next runner, whichever moment the last one died in', async () => {
    writeFileSync(path(), '0123456789');
    await shortenRawFile(path(), 0, 7);
    for (const state of ['0123456789', '', '78', '789']) {
      writeFileSync(path(), state);

      expect(recoverRawFile(path(), 0)).toBe(7);
      expect(readFileSync(path(), 'utf8')).toBe('789');
    }
    appendFileSync(path(), 'abc');
    expect(recoverRawFile(path(), 7)).toBe(7);
    expect(readFileSync(path(), 'utf8')).toBe('789abc');
  });
});

describe('RunOutput', () => {
  let output: RunOutput;
  afterEach(async () => output.stop());

  it('suspends a writer that is faster than the journal, shortens its file, and loses nothing', async () => {
    const paths = { stdout: join(dir.path, 'out'), stderr: join(dir.path, 'err') };
    for (const path of Object.values(paths)) writeFileSync(path, '');
    const journaled: Offsets = { stdout: 0, stderr: 0 };
    const decoded: Offsets = { stdout: 0, stderr: 0 };
    const seen: string[] = [];
    let suspended = false;
    let suspensions = 0;
    let shortened = 0;
    let release!: () => void;
    const room = new Promise<void>((resolve) => { release = resolve; });
    const tail = (stream: keyof Offsets) => ({
      path: paths[stream], splitter: new TextSplitter(16 * 1024), position: 0, base: 0, room: () => room, discards: () => false, onDiscarded: () => undefined,
      onPieces: (pieces: { text: string; end: number }[]) => { for (const piece of pieces) { seen.push(piece.text); decoded[stream] = piece.end; } },
    });
    output = new RunOutput({
      tails: { stdout: tail('stdout'), stderr: tail('stderr') },
      journaled: () => journaled,
      journal: async () => Object.assign(journaled, decoded),
      unackedShare: () => 0,
      suspend: (on) => { suspended = on; if (on) suspensions += 1; },
      onShortened: async () => { shortened += 1; },
      onFailed: (error) => { throw error; },
      limits: { suspendBytes: 20_000, resumeBytes: 5_000, rawFileBytes: 100_000 },
    });
    let written = '';
    const write = (lines: number): void => {
      const text = `${Array.from({ length: lines }, (_, n) => `line ${written.length}.${n} €\n`).join('')}unfinished `;
      written += text;
      appendFileSync(paths.stdout, text);
      output.wake('stdout');
    };

    write(3_000);
    await eventually(() => suspended, { what: 'the suspension of a writer that nobody reads' });
    release();
    await eventually(() => !suspended, { what: 'the writer to go on' });
    for (let round = 1; round <= 3; round += 1) {
      write(8_000);
      await eventually(() => shortened >= round && !suspended, { what: `the shortened file of round ${round}` });
    }
    write(10);
    await output.drain(() => Infinity);

    expect(seen.join('')).toBe(written);
    expect(suspensions).toBe(4);
    expect(shortened).toBe(3);
    expect(statSync(paths.stdout).size).toBeLessThan(1_000);
  }, 30_000);

  /** A run that wrote `text`, whose decoding has room when `room` resolves. */
  const follow = (text: string, room: Promise<void>, more: { unackedShare?: () => number; suspend?: (on: boolean) => void } = {}) => {
    const seen: string[] = [];
    const discarded: [bytes: number, end: number][] = [];
    const tail = (stream: keyof Offsets) => {
      const path = join(dir.path, stream);
      writeFileSync(path, stream === 'stdout' ? text : '');
      return {
        path, splitter: new LineSplitter(1_000_000), position: 0, base: 0, room: () => (seen.length === 0 ? Promise.resolve() : room), discards: () => false,
        onDiscarded: (bytes: number, end: number) => { discarded.push([bytes, end]); },
        onPieces: (pieces: { text: string }[]) => { for (const piece of pieces) seen.push(piece.text); },
      };
    };
    output = new RunOutput({
      tails: { stdout: tail('stdout'), stderr: tail('stderr') }, journaled: () => ({ stdout: 0, stderr: 0 }), journal: async () => ({ stdout: 0, stderr: 0 }),
      unackedShare: () => 0, suspend: () => undefined, onShortened: async () => undefined, onFailed: (error) => { throw error; }, ...more,
    });
    return { seen, discarded };
  };

  it('decodes at the end for as long as it may, gives what it has begun, and counts the rest', async () => {
    const text = `${'x'.repeat(999)}\n`.repeat(1_000);
    const { seen, discarded } = follow(text, new Promise(() => undefined));
    await eventually(() => seen.length > 0);
    const before = seen.length;

    await output.drain(() => 100);

    expect(seen).toHaveLength(before + 1);
    expect(seen.at(-1)).toHaveLength((64 * 1024) % 1_000);
    expect(discarded).toEqual([[1_000_000 - 64 * 1024, 1_000_000]]);
  });

  it('suspends an agent whose facts nobody acknowledges, and lets it go on when half of them are', async () => {
    let share = 1;
    const said: boolean[] = [];
    follow('', Promise.resolve(), { unackedShare: () => share, suspend: (on) => said.push(on) });
    await eventually(() => said.length === 1);
    // Every look takes a little away: it goes on only when less than half is left.
    await eventually(() => {
      if (share >= 0.5) share -= 0.02;
      return said.length === 2;
    });

    expect(said).toEqual([true, false]);
    expect(share).toBeLessThan(0.5);
  });
});
