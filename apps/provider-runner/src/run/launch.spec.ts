import { describe, expect, it } from '@jest/globals';
import { capabilitiesOf } from '../drivers/capabilities.js';
import { processDriver } from '../drivers/process.driver.js';
import { manifestOf } from '../drivers/testing/journaled-driver.js';
import { withDriverVariables } from './agent-environment.js';

describe('what a driver adds to the environment of its agent', () => {
  const manifest = manifestOf({ environment: { B: 'session' }, secrets: { C: 'env:X' } });
  const entry = { driver: 'd', command: ['/bin/true'], env: { A: 'entry' }, secrets: { D: 'env:Y' } };
  const before = { variables: { HOME: '/inherited', PATH: '/bin', A: 'entry', B: 'session', C: 'secret', D: 'secret', ORBITMESH_TOKEN: 'token' }, secrets: ['secret', 'token'] };

  it('replaces what was inherited, and nothing that the entry, the session or OrbitMesh says', () => {
    const added = { HOME: '/state', NEW: 'new', A: 'x', B: 'x', C: 'x', D: 'x', PATH: 'x', ORBITMESH_TOKEN: 'x' };
    expect(withDriverVariables(before, added, { manifest, entry })).toEqual({ variables: { ...before.variables, HOME: '/state', NEW: 'new' }, secrets: before.secrets });
  });
});

describe('an entry with custom.freeze', () => {
  it('is paused by suspending its processes, whatever its driver could do', () => {
    const entry = { driver: 'process', command: ['/bin/true'] };
    expect(capabilitiesOf(processDriver, entry).pause).toBe('none');
    expect(capabilitiesOf(processDriver, { ...entry, custom: { freeze: true } })).toEqual({ ...processDriver.capabilities(entry), pause: 'freeze' });
    expect(capabilitiesOf(processDriver, { ...entry, custom: { freeze: 'yes' } }).pause).toBe('none');
  });
});
