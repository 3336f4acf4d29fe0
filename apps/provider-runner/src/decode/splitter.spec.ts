import { describe, expect, it } from '@jest/globals';
import type { Piece } from '../drivers/driver.js';
import { LineSplitter, TextSplitter, type Splitter } from './splitter.js';
import { piecesOf, unfinishedTail } from './utf8.js';

const SAMPLE = Buffer.from('plain\r\nümläut €uro 👩‍💻\n\nlast without end 👋');

function feed(splitter: Splitter, bytes: Buffer, size: number): Piece[] {
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(...splitter.push(bytes.subarray(at, at + size)));
  return [...pieces, ...splitter.end()];
}

describe('LineSplitter', () => {
  it.each([1, 2, 3, 5, 7, 1000])('gives the same whole lines however the bytes arrive (%i at a time)', (size) => {
    const pieces = feed(new LineSplitter(1024), SAMPLE, size);

    expect(pieces.map((piece) => piece.text)).toEqual(['plain', 'ümläut €uro 👩‍💻', '', 'last without end 👋']);
    expect(pieces.map((piece) => piece.end)).toEqual([7, 35, 36, SAMPLE.length]);
    for (const [index, piece] of pieces.entries()) expect(piece.start).toBe(index === 0 ? 0 : pieces[index - 1].end);
  });

  it('holds a line that comes byte by byte in one piece of memory, and lets go of it', () => {
    const splitter = new LineSplitter(1024 * 1024);
    for (let n = 0; n < 100_000; n += 1) splitter.push(Buffer.from('x'));
    const { kept } = splitter as unknown as { kept: Buffer };
    expect(kept.length).toBeLessThanOrEqual(2 * 100_000);
    expect(splitter.push(Buffer.from('\n'))).toEqual([{ text: 'x'.repeat(100_000), start: 0, end: 100_001 }]);
    expect((splitter as unknown as { kept: Buffer }).kept).toHaveLength(0);
  });

  it('cuts a long line at a character, says how much is missing, and goes on with the next', () => {
    const pieces = feed(new LineSplitter(10), Buffer.from(`123456789€${'x'.repeat(100)}\nnext\n`), 4);

    expect(pieces).toEqual([
      { text: '123456789', start: 0, end: 113, truncatedBytes: 103 },
      { text: 'next', start: 113, end: 118 },
    ]);
  });
});

describe('TextSplitter', () => {
  it.each([1, 2, 3, 5, 7, 1000])('gives every byte once and splits no character (%i at a time)', (size) => {
    const pieces = feed(new TextSplitter(8), SAMPLE, size);

    expect(pieces.map((piece) => piece.text).join('')).toBe(SAMPLE.toString());
    for (const piece of pieces) {
      expect(Buffer.byteLength(piece.text)).toBe(piece.end - piece.start);
      expect(piece.text).not.toContain('\uFFFD');
    }
  });

  it('holds an unfinished line until it is asked for it, and then only whole characters', () => {
    const splitter = new TextSplitter(1024);
    const euro = Buffer.from('€');

    const first = splitter.push(Buffer.concat([Buffer.from('line\nprompt> '), euro.subarray(0, 2)]));
    const flushed = splitter.flush();
    const rest = splitter.push(Buffer.concat([euro.subarray(2), Buffer.from('\n')]));

    expect([first, flushed, rest].map((pieces) => pieces.map((piece) => piece.text))).toEqual([['line\n'], ['prompt> '], ['€\n']]);
  });

  it('says bytes that are no UTF-8 as replacement characters, without waiting for more', () => {
    const pieces = new TextSplitter(1024).push(Buffer.from([0x61, 0xff, 0xfe, 0x0a]));

    expect(pieces).toEqual([{ text: 'a\uFFFD\uFFFD\n', start: 0, end: 4 }]);
  });
});

describe('utf8', () => {
  it('knows how many bytes of an unfinished character are at the end', () => {
    const wave = Buffer.from('👋');
    expect([1, 2, 3, 4].map((length) => unfinishedTail(wave.subarray(0, length)))).toEqual([1, 2, 3, 0]);
    expect(unfinishedTail(Buffer.from([0x80, 0x80, 0x80, 0x80]))).toBe(0);
  });

  it('splits text into bounded pieces that join to the same text', () => {
    const text = 'aé€👋'.repeat(50);
    const pieces = piecesOf(text, 16);
    expect(pieces.join('')).toBe(text);
    expect(Math.max(...pieces.map((piece) => Buffer.byteLength(piece)))).toBeLessThanOrEqual(16);
  });
});
