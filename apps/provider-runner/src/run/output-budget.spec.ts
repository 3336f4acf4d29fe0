import { describe, expect, it } from '@jest/globals';
import type { RunFact } from '@orbitmesh/domain';
import type { DriverFact } from '../drivers/driver.js';
import { OutputBudget } from './output-budget.js';

const output = (content: string) => ({ type: 'output', stream: 'agent', content }) as const;

describe('OutputBudget', () => {
  /** Every fact counts 5. */
  const open = (progress = { outputBytes: 0, droppedBytes: 0 }) => {
    const said: RunFact[] = [];
    const exhausted: number[] = [];
    const budget = new OutputBudget({
      recorder: { emit: (fact) => { said.push(fact); return 5; } }, progress, upTo: 0, onExhausted: () => exhausted.push(progress.outputBytes), limits: { bytes: 10, controlBytes: 10 },
    });
    return { said, exhausted, budget };
  };

  it('drops what comes past its bound, says so when it begins and in all at the end', () => {
    const { said, budget } = open();

    for (const fact of [output('12345'), output('67890'), output('abc'), output('defg')]) budget.say(fact, 77);

    expect(said).toEqual([output('12345'), output('67890'), { type: 'output_dropped', bytes: 3, fromOffset: 77 }]);
    budget.sum();
    budget.sum();
    expect(said.slice(3)).toEqual([{ type: 'output_dropped', bytes: 7, fromOffset: 77 }]);
    expect(budget.progress).toEqual({ outputBytes: 10, droppedBytes: 7 });
  });

  it.each<DriverFact>([
    { type: 'thought', content: 'x' }, { type: 'plan', entries: [] }, { type: 'tool_call', toolCallId: '1' }, { type: 'metadata', key: 'unparsed', value: 'y' },
    { type: 'metric', tokensIn: 0, tokensOut: 0, requestCount: 1 }, { type: 'error', code: 'c', message: 'm' }, { type: 'activity', activity: 'idle' },
  ])('counts and drops %p like any output', (fact) => {
    const { said, budget } = open();

    for (let n = 0; n < 100; n += 1) budget.say(fact, 1);

    expect(said.map(({ type }) => type)).toEqual([fact.type, fact.type, 'output_dropped']);
  });

  it('lets through what the session waits for, though not for ever', () => {
    const { said, exhausted, budget } = open();
    const turn = { type: 'turn_started' } as const;

    for (let n = 0; n < 3; n += 1) budget.say(turn, 1);
    expect(said).toEqual([turn, turn, turn]);
    expect(exhausted).toEqual([]);
    budget.say(turn, 1);

    expect(exhausted).toEqual([20]);
  });
});
