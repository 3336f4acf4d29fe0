import { describe, expect, it } from '@jest/globals';
import { processDriver } from './process.driver.js';
import { JournaledDriver } from './testing/journaled-driver.js';

async function started(): Promise<JournaledDriver> {
  const bench = new JournaledDriver(processDriver);
  await bench.step((driver) => driver.start());
  return bench;
}

describe('the process driver', () => {
  it('says that an input was delivered when it was written and the runner did not live to say so, and writes it once', async () => {
    const bench = await started();
    bench.confirms = false;
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'hello' }));
    expect(bench.said('input_delivered')).toEqual([]);
    bench.confirms = true;

    await bench.crash();

    expect(bench.said('input_delivered')).toEqual([{ type: 'input_delivered', inputId: 'inp_1' }]);
    expect(bench.lines.map(({ key }) => key)).toEqual(['prompt', 'input:inp_1']);
  });

  it('writes an input that was journaled and not written when the runner died', async () => {
    const bench = await started();
    bench.writes = false;
    await bench.step((driver) => driver.input({ inputId: 'inp_1', text: 'hello' }));
    bench.writes = true;

    await bench.crash();

    expect(bench.lines.map(({ line }) => line)).toEqual(['Do the task.', 'hello']);
    expect(bench.said('input_delivered')).toEqual([{ type: 'input_delivered', inputId: 'inp_1' }]);
  });

  it('continues nothing: a command has no conversation', () => {
    expect(processDriver.capabilities({ driver: 'process', command: ['/bin/cat'] }).continue).toBe(false);
  });
});
