import { expect, it } from '@jest/globals';
import { COUNT, type Bench } from './bench.js';
import { given } from './conforming-driver.js';
import { ScriptedSession } from './scripted-session.js';

/** In code points of one to four bytes, and one of several code points. */
const TEXT = 'plain grüße € 👩‍💻 end';
/** One output fact (design §5). */
const OUTPUT_BYTES_MAX = 16 * 1024;
const LONG = 'ä€👋'.repeat(4_000);

export const NUMBERED = Array.from({ length: COUNT }, (_, n) => `numbered ${n + 1}/${COUNT}`);

/** Output: whole, in order, bounded, and the same for everybody. */
export function itSpeaks(bench: Bench): void {
  it('says run_started first, what its agent says in order, and run_ended last; every reader sees the same', async () => {
    const { world } = bench;
    const other = await ScriptedSession.overhear(world.nats.url, world.session.bus.installationId);
    try {
      const run = await bench.idle();
      await bench.command('stop', run);
      await bench.gone(run);

      expect(bench.numbers(run)).toEqual(NUMBERED);
      // Before it, an agent may write on stderr, and what no protocol knows.
      expect(bench.facts(run).find((fact) => fact.type !== 'metadata' && !(fact.type === 'output' && fact.stream === 'stderr'))).toMatchObject({ type: 'run_started' });
      expect(bench.types(run, 'run_started', 'run_ended')).toEqual(['run_started', 'run_ended']);
      expect(bench.types(run).at(-1)).toBe('run_ended');
      await bench.until(() => other.ended(run.runId), 'the end, for the other reader');
      expect(other.facts.get(run.runId)).toEqual(world.session.facts.get(run.runId));
    } finally {
      await other.bus.drain();
    }
  });

  it('answers its status, with the pid of the agent', async () => {
    const run = await bench.counting();
    const { pid } = await bench.said(run, 'run_started');

    expect(await bench.status(run)).toMatchObject({ state: 'running', pid, queuedInputs: 0 });

    await bench.finish(run);
  });

  it('keeps every character whole, and long output in bounded pieces', async () => {
    if (!bench.can.input) return;
    const saying = given(bench.driver.saying, 'saying');
    const run = await bench.idle();

    for (const [n, text] of [TEXT, LONG].entries()) {
      await bench.input(run, `inp_${n}`, saying(text));
      await bench.until(() => bench.spoken(run).includes(text), `text ${n}, whole`);
    }

    expect(bench.spoken(run)).not.toContain('\uFFFD');
    for (const { content } of bench.facts(run, 'output')) expect(Buffer.byteLength(content)).toBeLessThanOrEqual(OUTPUT_BYTES_MAX);
    await bench.finish(run);
  });
}
