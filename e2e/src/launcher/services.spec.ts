import { describe, expect, it } from '@jest/globals';
import { TOOLS } from './stub-checkout.js';

describe('the environment of a service', () => {
  it("has its user's PATH, without what npm put in front of it", async () => {
    const { withoutNpm } = await import(`file://${TOOLS}lib/services.mjs`) as { withoutNpm: (path?: string) => string };
    const npms = ['/srv/orbitmesh/node_modules/.bin', '/srv/node_modules/.bin', '/node_modules/.bin', '/usr/lib/node_modules/npm/node_modules/@npmcli/run-script/lib/node-gyp-bin'];

    expect(withoutNpm([...npms, '/usr/local/bin', '/usr/bin'].join(':'))).toBe('/usr/local/bin:/usr/bin');
    expect(withoutNpm('/home/ada/node_modules/.binaries:/usr/bin')).toBe('/home/ada/node_modules/.binaries:/usr/bin');
  });
});
