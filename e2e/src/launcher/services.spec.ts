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

describe('what a service is given of the environment', () => {
  const shared = { ORBITMESH_HOME: '/h', ORBITMESH_TOKEN: 't', NODE_OPTIONS: '-r x', PATH: '/bin', HOME: '/home/me', ANTHROPIC_API_KEY: 'k', AWS_SECRET_ACCESS_KEY: 'k', TOKEN_HOME: 'k' };
  const load = () => import(`file://${TOOLS}lib/services.mjs`) as Promise<{ environmentFor: (service: { app: string }, shared: object) => object }>;

  it.each(['session-service', 'api-gateway', 'notifier'])('is, for the %s, nothing that may be a key', async (app) => {
    const { ORBITMESH_TOKEN: _token, ANTHROPIC_API_KEY: _key, AWS_SECRET_ACCESS_KEY: _other, TOKEN_HOME: _more, ...given } = shared;
    expect((await load()).environmentFor({ app }, shared)).toEqual(given);
  });

  it('is all of it for the runner, which resolves what secrets refer to', async () => {
    expect((await load()).environmentFor({ app: 'provider-runner' }, shared)).toEqual(shared);
  });
});
