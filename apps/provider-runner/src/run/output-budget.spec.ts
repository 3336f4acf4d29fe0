import { describe, expect, it } from '@jest/globals';
import type { RunFact } from '@orbitmesh/domain';
import type { StepRecorder } from '../journal/step-recorder.js';
import { OutputBudget } from './output-budget.js';

const output = (content: string) => ({ type: 'output', stream: 'agent', content }) as const;

describe('OutputBudget', () => {
  it('drops text past its bound, says so when it begins and in all at the end, and lets everything else through', () => {
    const said: RunFact[] = [];
    const budget = new OutputBudget({ emit: (fact: RunFact) => said.push(fact) } as unknown as StepRecorder, { outputBytes: 0, droppedBytes: 0 }, 0, 10);

    const taken = [output('12345'), output('67890'), output('abc'), output('defg')].map((fact) => budget.takes(fact, 77));

    expect(taken).toEqual([true, true, false, false]);
    expect(budget.takes({ type: 'activity', activity: 'idle' }, 90)).toBe(true);
    expect(said).toEqual([{ type: 'output_dropped', bytes: 3, fromOffset: 77 }]);
    budget.sum();
    expect(said.at(-1)).toEqual({ type: 'output_dropped', bytes: 7, fromOffset: 77 });
    expect(budget.progress).toEqual({ outputBytes: 10, droppedBytes: 7 });
  });
});
