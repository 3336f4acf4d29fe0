import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AppError, type NumberedFact, type RunFact } from '@orbitmesh/domain';
import { eventually } from '@orbitmesh/testing';
import type { FactBatch } from '@orbitmesh/contracts';
import { tempDir } from '../testing/temp-dir.js';
import { FactJournal } from './fact-journal.js';
import { FactSender, type SenderOptions } from './fact-sender.js';

const output = (content: string): RunFact => ({ type: 'output', stream: 'stdout', content });

describe('what sends the facts of a run', () => {
  let dir: ReturnType<typeof tempDir>;
  let journal: FactJournal;
  let sender: FactSender | undefined;
  /** What session-service has of it. */
  let taken: NumberedFact[];
  let refused: string[];

  beforeEach(async () => {
    dir = tempDir();
    taken = [];
    refused = [];
    journal = await FactJournal.open(dir.path, 1);
    for (let n = 1; n <= 6; n += 1) await journal.append({ facts: [{ runSeq: n, at: `t${n}`, fact: output(`o${n}`) }], progress: { runSeq: n } });
  });
  afterEach(async () => {
    sender?.stop();
    await journal.close();
    dir.remove();
  });

  const take = ({ facts }: FactBatch): { ackedRunSeq: number; stale?: boolean } => {
    for (const fact of facts) if (fact.runSeq === taken.length + 1) taken.push(fact);
    return { ackedRunSeq: taken.length };
  };
  const send = (answer: (batch: FactBatch) => { ackedRunSeq: number; stale?: boolean } = take): void => {
    const bus: SenderOptions['bus'] = { request: async (_rpc: unknown, batch: unknown) => answer(batch as FactBatch) as never, onStatus: () => () => undefined };
    sender = new FactSender({
      bus, journal, run: { runnerId: 'slot-0', sessionId: 'sess_1', runId: 'run_1', epoch: 1 }, log: () => undefined,
      onAcknowledged: () => undefined, onRefused: (reason) => refused.push(reason),
    });
    sender.kick();
  };
  const words = (): string[] => taken.map(({ fact }) => (fact.type === 'output' ? fact.content : fact.type === 'metadata' ? fact.key : fact.type));

  it('says them until each was taken, whatever became of the answers', async () => {
    let n = 0;
    send((batch) => {
      const answer = take(batch);
      if ((n += 1) < 3) throw new AppError('TIMEOUT');
      return answer;
    });

    await eventually(() => journal.unacked.length === 0);
    expect(words()).toEqual(['o1', 'o2', 'o3', 'o4', 'o5', 'o6']);
  });

  it('tells of facts that a damaged journal has lost, and goes on with those behind them', async () => {
    await journal.close();
    const path = join(dir.path, '1.log');
    writeFileSync(path, readFileSync(path, 'utf8').replace('"o3"', '"oX"').replace('"o4"', '"oY"'));
    journal = await FactJournal.open(dir.path, 1);
    expect(journal.damaged).toBe(2);

    send();

    await eventually(() => journal.unacked.length === 0);
    expect(words()).toEqual(['o1', 'o2', 'fact_lost', 'fact_lost', 'o5', 'o6']);
    expect(refused).toEqual([]);
  });

  it('tells of facts that were acknowledged to a session of which there is only an older copy', async () => {
    journal.ack(4);
    send();

    await eventually(() => journal.unacked.length === 0);
    expect(words()).toEqual(['fact_lost', 'fact_lost', 'fact_lost', 'fact_lost', 'o5', 'o6']);
  });

  it('gives the run up when its facts are stale, in the place of lost ones too', async () => {
    journal.ack(4);
    send((batch) => (batch.facts[0].runSeq === 5 ? { ackedRunSeq: 2 } : { ackedRunSeq: 0, stale: true }));

    await eventually(() => refused.length === 1);
    expect(refused).toEqual(['stale']);
    expect(journal.unacked).toHaveLength(2);
  });
});
