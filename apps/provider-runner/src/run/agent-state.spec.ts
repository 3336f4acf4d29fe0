import { chmodSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AGENT_STATES_BYTES_MAX, AGENT_STATES_MAX } from '../limits.js';
import { giveBottom, makeBottomless } from '../testing/bottomless.js';
import { tempDir } from '../testing/temp-dir.js';
import { AgentStates } from './agent-state.js';

describe('what agents keep between their runs', () => {
  let dir: ReturnType<typeof tempDir>;
  let states: AgentStates;
  const at = (...names: string[]): string => join(dir.path, 'agents', ...names);
  const NOBODY = (): Set<string> => new Set();
  beforeEach(() => {
    dir = tempDir();
    states = new AgentStates(at());
  });
  afterEach(() => dir.remove());

  it('has a directory for each conversation, for its owner alone, and the same one again', () => {
    expect(states.directoryOf('demo', 'sess_1')).toBe(at('demo', 'sess_1'));
    writeFileSync(at('demo', 'sess_1', 'conversation.json'), '{}');
    chmodSync(at('demo', 'sess_1'), 0o755);

    expect(new AgentStates(at()).directoryOf('demo', 'sess_1')).toBe(at('demo', 'sess_1'));

    expect(readdirSync(at('demo', 'sess_1'))).toEqual(['conversation.json']);
    for (const path of [at(), at('demo'), at('demo', 'sess_1')]) expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(states.directoryOf('my.agent-2', 'sess_2')).toBe(at('my.agent-2', 'sess_2'));
  });

  it.each(['..', '.', '../runs', 'a/b', '/tmp', '', 'a\0b', 'x'.repeat(65)])('refuses the name %j, which could lead elsewhere', async (name) => {
    expect(() => states.directoryOf(name, 'sess_1')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(() => states.directoryOf('demo', name)).toThrow();
    await states.ended(name, 'sess_1', NOBODY);
  });

  it.each([
    ['a link to a directory', (path: string) => { mkdirSync(join(dir.path, 'elsewhere'), { recursive: true }); symlinkSync(join(dir.path, 'elsewhere'), path); }],
    ['a link to nothing', (path: string) => symlinkSync(join(dir.path, 'nothing'), path)],
    ['a file', (path: string) => writeFileSync(path, '')],
  ])('refuses %s in its place, by name', (_what, make) => {
    for (const names of [['demo', 'sess_1'], ['demo'], []]) {
      rmSync(at(), { recursive: true, force: true });
      mkdirSync(at(...names, '..'), { recursive: true });
      make(at(...names));
      expect(() => states.directoryOf('demo', 'sess_1')).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(at(...names)) }));
    }
  });

  it('removes those whose last run ended longest ago, and none that is in use', async () => {
    const names = Array.from({ length: AGENT_STATES_MAX + 3 }, (_, n) => `sess_${n}`);
    names.forEach((name, n) => {
      states.directoryOf('demo', name);
      utimesSync(at('demo', name), 1_000 + n, 1_000 + n);
    });

    // The oldest of all has just ended once more, the next one is in use.
    await states.ended('demo', 'sess_0', () => new Set(['sess_1']));

    expect(readdirSync(at('demo')).sort()).toEqual(['sess_0', 'sess_1', ...names.slice(4)].sort());
  });

  it('removes one that alone is too much, and keeps the others', async () => {
    for (const [name, bytes, time] of [['old', 10, 1], ['huge', AGENT_STATES_BYTES_MAX, 2], ['new', 10, 3]] as const) {
      mkdirSync(join(states.directoryOf('demo', name), 'deep'));
      writeFileSync(at('demo', name, 'deep', 'file'), '');
      truncateSync(at('demo', name, 'deep', 'file'), bytes);
      utimesSync(at('demo', name), time, time);
    }

    await states.ended('demo', 'new', NOBODY);

    expect(readdirSync(at('demo')).sort()).toEqual(['new', 'old']);
  });

  it('removes what is too much also beside one that nobody can walk through or remove, and says that there is one', async () => {
    for (const [name, bytes, time] of [['old', AGENT_STATES_BYTES_MAX, 1], ['stays', AGENT_STATES_BYTES_MAX, 2], ['huge', AGENT_STATES_BYTES_MAX, 3], ['deep', 10, 4]] as const) {
      writeFileSync(join(states.directoryOf('demo', name), '0'), '');
      truncateSync(at('demo', name, '0'), bytes);
      if (name === 'stays' || name === 'deep') makeBottomless(at('demo', name));
      utimesSync(at('demo', name), time, time);
    }

    await expect(states.ended('demo', 'deep', NOBODY)).rejects.toMatchObject({ code: 'ENAMETOOLONG' });

    expect(readdirSync(at('demo')).sort()).toEqual(['deep', 'stays']);
    for (const name of ['deep', 'stays']) giveBottom(at('demo', name));
  });
});
