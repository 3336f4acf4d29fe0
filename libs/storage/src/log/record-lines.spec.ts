import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeRecord, scanRecords } from './record-lines.js';

/** Batches as a file would have them: each line states how much was durable before its batch. */
function fileOf(batches: string[][]): { bytes: Buffer; ends: number[]; lines: string[] } {
  let bytes = Buffer.alloc(0);
  const ends: number[] = [];
  for (const batch of batches) {
    bytes = Buffer.concat([bytes, ...batch.map((text) => encodeRecord(Buffer.from(JSON.stringify({ text })), bytes.length))]);
    ends.push(bytes.length);
  }
  return { bytes, ends, lines: batches.flat() };
}

const batches = fc.array(fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 6 });
const textsOf = (scan: ReturnType<typeof scanRecords>): string[] =>
  scan.lines.map((line) => (JSON.parse(line.json.toString()) as { text: string }).text);

describe('the lines of a record file', () => {
  it('are read back as they were written', () => {
    fc.assert(
      fc.property(batches, (written) => {
        const { bytes, lines } = fileOf(written);
        const scan = scanRecords(bytes);

        expect(textsOf(scan)).toEqual(lines);
        expect(scan).toMatchObject({ damaged: [], goodBytes: bytes.length });
      }),
    );
  });

  it('cut anywhere, are those that are whole, and the rest is torn', () => {
    fc.assert(
      fc.property(batches, fc.nat(), (written, at) => {
        const { bytes, lines } = fileOf(written);
        const scan = scanRecords(bytes.subarray(0, at % bytes.length));

        const texts = textsOf(scan);
        expect(texts).toEqual(lines.slice(0, texts.length));
        expect(scan.damaged).toEqual([]);
        expect(scan.goodBytes).toBe(scan.lines.at(-1)?.end ?? 0);
      }),
    );
  });

  it('with one byte changed never give a wrong record, and give all that were durable before', () => {
    fc.assert(
      fc.property(batches, fc.nat(), fc.integer({ min: 1, max: 255 }), (written, position, flip) => {
        const { bytes, ends, lines } = fileOf(written);
        const at = position % bytes.length;
        bytes[at] ^= flip;
        const scan = scanRecords(bytes);

        for (const text of textsOf(scan)) expect(lines).toContain(text);
        const lastBatch = ends.at(-2) ?? 0;
        // In the last batch it looks like a tear; anywhere else it is damage, and hurts one record.
        const durable = at < lastBatch;
        expect(scan.damaged.length > 0).toBe(durable);
        expect(textsOf(scan).length).toBeGreaterThanOrEqual(durable ? lines.length - 1 : written.slice(0, -1).flat().length);
      }),
    );
  });
});
