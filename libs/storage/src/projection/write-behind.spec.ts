import { expect, it } from '@jest/globals';
import { eventually } from '@orbitmesh/testing';
import { STORAGE_LIMITS } from '../limits.js';
import { WriteBehind } from './write-behind.js';

const turn = () => new Promise(setImmediate);

/** Files whose writes end when the test says so. */
function files(limits: Partial<typeof STORAGE_LIMITS> = {}): { behind: WriteBehind; mark: (from: number, to: number) => void; begun: (() => void)[] } {
  const behind = new WriteBehind({ ...STORAGE_LIMITS, ...limits });
  const begun: (() => void)[] = [];
  const mark = (from: number, to: number): void => {
    for (let n = from; n < to; n += 1) behind.mark(`file-${n}`, n, () => new Promise((resolve) => { begun.push(resolve); }));
  };
  behind.begin();
  return { behind, mark, begun };
}

const endAll = async (begun: (() => void)[]): Promise<number> => {
  let ended = 0;
  for (let at = 0; at < begun.length; at += 1) {
    begun[at]();
    ended += 1;
    await turn();
  }
  begun.length = 0;
  return ended;
};

it('writes at once when nothing was written lately, so many at a time', async () => {
  const { mark, begun } = files();
  mark(0, 20);
  await turn();
  expect(begun).toHaveLength(STORAGE_LIMITS.writesInFlightMax);
});

it('rests after a round while commits come, until it is over, or somebody waits', async () => {
  const commitsForEver = { calmMs: 1_000_000, roundFiles: 20 };
  const { behind, mark, begun } = files({ ...commitsForEver, roundRestMs: 1_000_000 });
  mark(0, 30);
  expect(await endAll(begun)).toBe(20);
  mark(30, 40);
  await turn();
  expect([begun.length, behind.size]).toEqual([0, 20]);
  const drained = behind.drained();
  expect(await endAll(begun)).toBe(20);
  await drained;

  const short = files({ ...commitsForEver, roundRestMs: 5 });
  short.mark(0, 30);
  expect(await endAll(short.begun)).toBe(20);
  await eventually(() => short.begun.length === 10);
});

it('ends a rest when the commits have ended', async () => {
  const { mark, begun } = files({ roundFiles: 4, calmMs: 20, roundRestMs: 1_000_000 });
  let written = 0;
  mark(0, 30);
  await eventually(async () => {
    written += await endAll(begun);
    return written === 30;
  });
});

it('does not rest when half of what may lag behind does', async () => {
  const { mark, begun } = files({ roundFiles: 4, calmMs: 1_000_000, roundRestMs: 1_000_000, dirtyFilesMax: 20 });
  mark(0, 18);
  expect(await endAll(begun)).toBeGreaterThan(4);
});
