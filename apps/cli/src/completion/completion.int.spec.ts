import { execFile } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { anything } from '../testing/any-answer.js';
import { TestHome } from '../testing/test-home.js';

let home: TestHome;
let script: string;
beforeAll(async () => {
  home = await TestHome.make();
  script = (await home.cli(['completion', 'bash'])).out;
  // What bash calls for ids: a program of this name in its PATH.
  await mkdir(join(home.dir, 'bin'));
  await writeFile(join(home.dir, 'bin', 'orbitmesh'), '#!/bin/sh\nprintf \'%s_1\\tthe first\\n%s_2\\tthe second\\n\' "$2" "$2"\n');
  await chmod(join(home.dir, 'bin', 'orbitmesh'), 0o700);
  await writeFile(join(home.dir, 'manifest.json'), '');
});
beforeEach(() => home.api.forget());
afterAll(() => home.remove());

/** A real bash that sources the script, and is asked what would follow, as it asks when TAB is pressed. */
async function completed(...words: string[]): Promise<string[]> {
  const ask = 'eval "$SCRIPT"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _orbitmesh; printf \'%s\\n\' "${COMPREPLY[@]}"';
  const { stdout, stderr } = await promisify(execFile)('bash', ['--norc', '-c', ask, 'bash', 'orbitmesh', ...words], {
    cwd: home.dir, env: { PATH: `${join(home.dir, 'bin')}:${process.env['PATH']}`, SCRIPT: script },
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

describe('in bash', () => {
  it.each<[string[], string[]]>([
    [['se'], ['session', 'sessions']],
    [['session', 's'], ['spawn', 'show', 'stop']],
    [['team-member', 'memory', ''], ['list', 'add', 'set', 'help']],
    [['session', 'spawn', '--mo'], ['--mode', '--model']],
    [['session', 'spawn', '--mode', ''], ['task', 'interactive']],
    [['task', 'list', '--status', 'todo', '--re'], ['--ready']],
    [['task', 'list', '-p', 'session', '--status', 'in'], ['in_progress', 'in_review']],
    [['ordering', 'show', ''], ['task', 'session']],
    [['report', 'needs'], ['needs-input']],
    [['session', 'stop', ''], ['session_1', 'session_2']],
    [['task', 'update', 'task_1', '--depends-on', ''], ['task_1', 'task_2']],
    [['wait', 'session_1', 'session'], ['session_1', 'session_2']],
    [['manifest', 'validate', 'mani'], ['manifest.json']],
    [['session', 'stop', 'session_1', ''], []],
    [['session', 'nonsense', ''], []],
    [['project', 'create', '--description', ''], []],
  ])('%j is followed by %j', async (words, candidates) => {
    expect(await completed(...words)).toEqual(candidates);
  });

  it('every command that help shows is offered', async () => {
    const { out } = await home.cli(['--help']);
    const shown = [...out.matchAll(/^ {2}([a-z][a-z-]+) /gm)].map(([, name]) => name);
    expect(shown.length).toBeGreaterThan(20);
    expect((await completed('')).sort()).toEqual([...new Set(shown)].sort());
  });
});

describe('the other scripts', () => {
  it.each(['zsh', 'fish'])('hold every command and option, too: %s', async (shell) => {
    const { code, out } = await home.cli(['completion', shell]);
    expect(code).toBe(0);
    for (const word of ['session spawn', 'team-member memory add', 'keep-for-continuation', 'in_review', 'notify:needs_input']) expect(out).toContain(word);
    expect(out).not.toContain('undefined');
  });
});

describe('the ids', () => {
  it('are those of the API, with what each is', async () => {
    home.api.on('GET /api/sessions?limit=200', [200, { items: [{ ...anything('sess_1'), name: 'look\taround', state: 'running' }], nextCursor: null }]);
    expect(await home.cli(['__complete', 'session'])).toEqual({ code: 0, out: 'sess_1\trunning: look around\n', err: '' });
  });

  it.each<[string, [number, unknown] | 'hang']>([['a server that refuses', [500, { code: 'X' }]], ['one that never answers', 'hang']])('are none of %s, soon and without a word', async (_name, answer) => {
    home.api.otherwise = answer;
    const since = performance.now();
    expect(await home.cli(['__complete', 'task'])).toEqual({ code: 0, out: '', err: '' });
    expect(performance.now() - since).toBeLessThan(5_000);
  });

  it('are not shown in help', async () => {
    expect((await home.cli(['--help'])).out).not.toContain('__complete');
  });
});
