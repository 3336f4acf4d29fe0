import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { asCalledHere, cliNameOf } from './terminal.js';
import { cliIn } from './testing/test-home.js';

const called = (env: NodeJS.ProcessEnv): string => cliNameOf({ ORBITMESH_CLI_NAME: './orbitmesh', ...env });

describe('a proposed command', () => {
  it.each<[string, NodeJS.ProcessEnv, string]>([
    ['of the default home', {}, './orbitmesh'],
    ['of the default home, named', { ORBITMESH_HOME: join(homedir(), '.orbitmesh') }, './orbitmesh'],
    ['of another home', { ORBITMESH_HOME: '/srv/om' }, 'ORBITMESH_HOME=/srv/om ./orbitmesh'],
    ['of one whose name a shell would take apart', { ORBITMESH_HOME: "/srv/it's mine" }, String.raw`ORBITMESH_HOME='/srv/it'\''s mine' ./orbitmesh`],
    ['of a session, which has its own', { ORBITMESH_HOME: '/srv/om', ORBITMESH_SESSION_ID: 'sess_1' }, 'orbitmesh'],
  ])('%s acts on that', (_what, env, name) => {
    expect(called(env)).toBe(name);
  });

  it('is of that home in a hint, too, and help is the program\'s', async () => {
    expect((await cliIn('/srv/om', ['status'], { verbatim: true })).err).toContain('Start it with: ORBITMESH_HOME=/srv/om orbitmesh up');
    expect((await cliIn('/srv/om', ['nonsense'], { verbatim: true })).err).toBe("orbitmesh: unknown command 'nonsense'\n  → See: orbitmesh --help\n");
  });

  it('is called as here where a service says it', () => {
    const text = (env: NodeJS.ProcessEnv) => asCalledHere('1 file was damaged: orbitmesh doctor tells which.', { ORBITMESH_CLI_NAME: './orbitmesh', ...env });
    expect(text({})).toBe('1 file was damaged: ./orbitmesh doctor tells which.');
    expect(text({ ORBITMESH_HOME: '/srv/$&' })).toContain("ORBITMESH_HOME='/srv/$&' ./orbitmesh doctor tells");
  });
});
