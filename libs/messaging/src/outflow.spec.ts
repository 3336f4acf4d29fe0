import { describe, expect, it } from '@jest/globals';
import { CONFIRM_BYTES, UNCONFIRMED_BYTES_MAX } from './limits.js';
import { Outflow } from './outflow.js';

describe('what is published', () => {
  const answers: { resolve: () => void; reject: (error: Error) => void }[] = [];
  const begin = (): Outflow => {
    answers.length = 0;
    return new Outflow(() => new Promise((resolve, reject) => { answers.push({ resolve, reject }); }));
  };
  const fill = (outflow: Outflow): number => {
    let taken = 0;
    while (outflow.take(CONFIRM_BYTES)) taken += CONFIRM_BYTES;
    return taken;
  };
  const settled = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

  it('asks the server for nothing while it is little', () => {
    expect(begin().take(CONFIRM_BYTES - 1)).toBe(true);
    expect(answers).toHaveLength(0);
  });

  it('waits up to its bound for a server that takes nothing, and goes on when that has taken it', async () => {
    const outflow = begin();
    expect(fill(outflow)).toBe(UNCONFIRMED_BYTES_MAX);
    expect(answers).toHaveLength(1);

    answers[0].resolve();
    await settled();
    expect(fill(outflow)).toBe(CONFIRM_BYTES);
    answers[1].resolve();
    await settled();
    expect(fill(outflow)).toBe(UNCONFIRMED_BYTES_MAX);
  });

  it('asks again when it was full as the answer came, and counts nothing of a connection that broke', async () => {
    const outflow = begin();
    fill(outflow);
    answers[0].reject(new Error('disconnected'));
    await settled();
    expect(outflow.take(UNCONFIRMED_BYTES_MAX)).toBe(false);
    answers[1].resolve();
    await settled();
    expect(outflow.take(UNCONFIRMED_BYTES_MAX)).toBe(true);
  });
});
