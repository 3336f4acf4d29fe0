import { describe, expect, it } from '@jest/globals';
import { entryOfReadyMade, READY_MADE_PROVIDERS } from '@orbitmesh/domain';
import { capabilitiesOf } from './capabilities.js';
import { findDriver } from './registry.js';
import { manifestOf } from './testing/journaled-driver.js';

describe('a ready-made provider', () => {
  it.each(READY_MADE_PROVIDERS)('$name names a driver that takes its entry, with its own login too', (one) => {
    const own = Object.fromEntries(Object.keys(one.ownPlaces).map((variable) => [variable, '/home/me']));
    for (const env of [{}, own]) {
      const entry = entryOfReadyMade(one, ['/bin/agent'], { env });
      const driver = findDriver(one.driver)!;
      expect(() => driver.check?.(entry, manifestOf())).not.toThrow();
      expect(capabilitiesOf(driver, entry)).toMatchObject({ approvals: true, input: true, interrupt: true, recover: true });
    }
  });
});
