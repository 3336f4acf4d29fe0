import { describe, expect, it } from '@jest/globals';
import { parseDemoOptions } from './demo-options.js';

describe('parseDemoOptions', () => {
  it('does nothing special by default', () => {
    expect(parseDemoOptions({ other: 1 })).toMatchObject({ steps: 0, exit: null, crash: false, hang: false });
  });

  it('takes what it knows', () => {
    expect(parseDemoOptions({ demo: { numbered: 10, delayMs: 5, fail: 'on purpose', crash: 'SIGKILL', exit: 3 } })).toMatchObject({ numbered: 10, delayMs: 5, fail: 'on purpose', crash: 'SIGKILL', exit: 3 });
  });

  it.each([[{ demo: { nubmered: 1 } }, 'nubmered'], [{ demo: { steps: -1 } }, 'steps'], [{ demo: { exit: 256 } }, 'exit'], [{ demo: { hang: 1 } }, 'hang'], [{ demo: 3 }, 'custom.demo']])('refuses %j by name', (custom, name) => {
    expect(() => parseDemoOptions(custom)).toThrow(name);
  });
});
