import { describe, expect, it } from '@jest/globals';
import { loadConfig } from '@orbitmesh/service-kit';
import { GatewayConfig } from './gateway.config.js';

const load = (env: Record<string, string>) => loadConfig(GatewayConfig, { ORBITMESH_NATS_URL: 'nats://127.0.0.1:1', ...env });

describe('where the gateway listens', () => {
  it.each(['127.0.0.1', '::1', 'localhost', ''])('"%s" needs nothing more', (host) => {
    expect(() => load({ ORBITMESH_HOST: host })).not.toThrow();
  });

  it.each(['0.0.0.0', '::', '192.0.2.7', 'mesh.example'])('%s needs to be meant, and a name to be called by', (host) => {
    const refusal = expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('set ORBITMESH_ALLOW_REMOTE=1, and ORBITMESH_ALLOWED_HOSTS') });

    expect(() => load({ ORBITMESH_HOST: host })).toThrow(refusal as never);
    expect(() => load({ ORBITMESH_HOST: host, ORBITMESH_ALLOW_REMOTE: '1' })).toThrow(refusal as never);
    expect(() => load({ ORBITMESH_HOST: host, ORBITMESH_ALLOWED_HOSTS: 'mesh.example' })).toThrow(refusal as never);
    expect(load({ ORBITMESH_HOST: host, ORBITMESH_ALLOW_REMOTE: '1', ORBITMESH_ALLOWED_HOSTS: 'mesh.example' })).toMatchObject({ host, allowRemote: true });
  });

  it.each(['yes', '2', 'TRUE'])('a flag of "%s" is no yes', (flag) => {
    expect(() => load({ ORBITMESH_ALLOW_REMOTE: flag })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as never);
  });
});

it.each(['-1', '1.5', 'many', '1000000'])('a rate of "%s" is none', (rate) => {
  expect(() => load({ ORBITMESH_USER_RATE: rate })).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }) as never);
});

it('rates bind users, agents and who is refused, and not the admin', () => {
  expect(load({})).toMatchObject({ adminRate: 0, userRate: 100, agentRate: 50, refusedRate: 20 });
});
