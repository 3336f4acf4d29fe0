import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AGENT_STATE_BYTES_MAX, AGENT_STATE_FILES_MAX } from '../limits.js';
import { tempDir } from '../testing/temp-dir.js';
import { AgentStates } from './agent-state.js';

describe('what agents keep between their runs', () => {
  let dir: ReturnType<typeof tempDir>;
  let states: AgentStates;
  const at = (...names: string[]): string => join(dir.path, 'agents', ...names);
  beforeEach(() => {
    dir = tempDir();
    states = new AgentStates(at());
  });
  afterEach(() => dir.remove());

  it('has a directory for each provider, for its owner alone, and the same one again', () => {
    expect(states.directoryOf('demo')).toBe(at('demo'));
    writeFileSync(at('demo', 'conversation.json'), '{}');
    chmodSync(at('demo'), 0o755);

    expect(new AgentStates(at()).directoryOf('demo')).toBe(at('demo'));

    expect(readdirSync(at('demo'))).toEqual(['conversation.json']);
    for (const path of [at(), at('demo')]) expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(states.directoryOf('my.agent-2')).toBe(at('my.agent-2'));
  });

  it.each(['..', '.', '../runs', 'a/b', '/tmp', '', 'a\0b', 'x'.repeat(65)])('refuses the name %j, which could lead elsewhere', (name) => {
    expect(() => states.directoryOf(name)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => states.prune(name)).not.toThrow();
  });

  it.each([
    ['a link to a directory', (path: string) => { mkdirSync(join(dir.path, 'elsewhere'), { recursive: true }); symlinkSync(join(dir.path, 'elsewhere'), path); }],
    ['a link to nothing', (path: string) => symlinkSync(join(dir.path, 'nothing'), path)],
    ['a file', (path: string) => writeFileSync(path, '')],
  ])('refuses %s in its place, by name', (_what, make) => {
    mkdirSync(at());
    make(at('demo'));
    expect(() => states.directoryOf('demo')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(at('demo')) }));

    rmSync(at(), { recursive: true });
    make(at());
    expect(() => states.directoryOf('demo')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(at()) }));
  });

  it('removes the files that were not written for longest, and nothing else', () => {
    states.directoryOf('demo');
    const names = Array.from({ length: AGENT_STATE_FILES_MAX + 3 }, (_, n) => `c${n}.json`);
    names.forEach((name, n) => {
      writeFileSync(at('demo', name), '');
      utimesSync(at('demo', name), 1_000 + n, 1_000 + n);
    });
    mkdirSync(at('demo', 'cache'));
    utimesSync(at('demo', 'cache'), 1, 1);

    states.prune('demo');

    expect(readdirSync(at('demo')).sort()).toEqual(['cache', ...names.slice(3)].sort());
  });

  it('removes a file that alone is too much, and keeps the others', () => {
    states.directoryOf('demo');
    for (const [name, bytes, time] of [['old', 10, 1], ['huge', AGENT_STATE_BYTES_MAX, 2], ['new', 10, 3]] as const) {
      writeFileSync(at('demo', name), '');
      truncateSync(at('demo', name), bytes);
      utimesSync(at('demo', name), time, time);
    }

    states.prune('demo');

    expect(readdirSync(at('demo')).sort()).toEqual(['new', 'old']);
  });
});
