import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { surveyDirectory } from './survey.js';

describe('surveyDirectory', () => {
  let directory: string;
  const git = (...args: string[]) => execFileSync('git', ['-C', directory, '-c', 'user.name=Ada', '-c', 'user.email=ada@localhost', ...args]);
  const signal = new AbortController().signal;

  beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'om-survey-')); });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('knows a repository\'s files, languages, marks and commits', async () => {
    git('init', '-q', '-b', 'trunk');
    mkdirSync(join(directory, 'src'));
    writeFileSync(join(directory, 'src/a.ts'), 'const a = 1;\n// TODO: say why\n');
    writeFileSync(join(directory, 'b.py'), 'print(1) # FIXME\n');
    writeFileSync(join(directory, '.gitignore'), 'ignored.txt\n');
    writeFileSync(join(directory, 'ignored.txt'), 'TODO no\n');
    git('add', '.');
    git('commit', '-qm', 'the first');

    const survey = await surveyDirectory(directory, signal);

    expect(survey).toMatchObject({ source: 'git', branch: 'trunk', todoCount: 2, notes: [] });
    expect(survey.files.map(({ path }) => path).sort()).toEqual(['.gitignore', 'b.py', 'src/a.ts']);
    expect(survey.todos).toContainEqual({ path: 'src/a.ts', line: 2, text: 'TODO say why' });
    expect(survey.languages.find(({ language }) => language === 'TypeScript')).toEqual({ language: 'TypeScript', files: 1, bytes: 30, lines: 2 });
    expect(survey.commits).toEqual([expect.stringContaining('Ada: the first')]);
  });

  it('walks a directory without git, says why, and follows no link', async () => {
    mkdirSync(join(directory, 'deep'));
    writeFileSync(join(directory, 'deep/x.txt'), 'x\n');
    symlinkSync('/etc/passwd', join(directory, 'link'));
    const survey = await surveyDirectory(directory, signal);
    expect(survey.source).toBe('directory');
    expect(survey.files.map(({ path }) => path)).toEqual(['deep/x.txt']);
    expect(survey.notes[0]).toMatch(/walked the directory instead/);
  });

  it('runs no program that the repository\'s own configuration names', async () => {
    git('init', '-q');
    const planted = join(directory, 'planted.sh');
    writeFileSync(planted, `#!/bin/sh\ntouch '${join(directory, 'ran')}'\n`);
    chmodSync(planted, 0o755);
    writeFileSync(join(directory, 'a.ts'), 'a\n');
    git('add', '.');
    git('commit', '-qm', 'the first');
    mkdirSync(join(directory, '.git/hooks'), { recursive: true });
    for (const hook of ['post-index-change', 'reference-transaction']) symlinkSync(planted, join(directory, '.git/hooks', hook));
    for (const [key, value] of [['core.fsmonitor', planted], ['core.pager', planted], ['gpg.program', planted], ['log.showSignature', 'true'], ['core.alternateRefsCommand', planted]]) git('config', key, value);
    expect((await surveyDirectory(directory, signal)).commits).toHaveLength(1);
    expect(existsSync(join(directory, 'ran'))).toBe(false);
  });

  it('fetches nothing that a partial clone lacks: who sends it would be a program of the configuration', async () => {
    git('init', '-q', '-b', 'trunk');
    for (const [key, value] of [
      ['core.repositoryFormatVersion', '1'], ['extensions.partialClone', 'origin'], ['remote.origin.promisor', 'true'], ['remote.origin.url', directory],
      ['remote.origin.uploadpack', `touch '${join(directory, 'ran')}'; git-upload-pack`],
    ]) git('config', key, value);
    writeFileSync(join(directory, '.git/refs/heads/trunk'), `${'ab'.repeat(20)}\n`);
    await surveyDirectory(directory, signal);
    expect(existsSync(join(directory, 'ran'))).toBe(false);
  });

  // CVE-2017-1000117 and its like: a name that begins with a dash is an option to whom it is handed on.
  it('takes no name of the repository for an option', async () => {
    git('init', '-q', '-b', 'trunk');
    const names = ['--upload-pack=touch ran', '--output=ran', '-c', '--exec=touch ran;'];
    for (const name of names) writeFileSync(join(directory, name), 'TODO\n');
    git('add', '-A');
    git('commit', '-qm', '--output=ran');
    writeFileSync(join(directory, '.git/refs/heads/--output=ran'), git('rev-parse', 'HEAD'));
    writeFileSync(join(directory, '.git/HEAD'), 'ref: refs/heads/--output=ran\n');
    const survey = await surveyDirectory(directory, signal);
    expect(survey.files.map(({ path }) => path).sort()).toEqual([...names].sort());
    expect(survey).toMatchObject({ branch: '--output=ran', commits: [expect.stringContaining('--output=ran')] });
    expect(existsSync(join(directory, 'ran'))).toBe(false);
  });

  it('measures large and binary files without reading their lines', async () => {
    writeFileSync(join(directory, 'large.txt'), 'TODO\n'.repeat(100_000));
    writeFileSync(join(directory, 'binary.bin'), Buffer.from([84, 79, 68, 79, 0, 1]));
    const survey = await surveyDirectory(directory, signal);
    expect(survey.files).toEqual([{ path: 'binary.bin', bytes: 6, lines: null }, { path: 'large.txt', bytes: 500_000, lines: null }]);
    expect(survey.todoCount).toBe(0);
  });

  it('stops when it is told to', async () => {
    writeFileSync(join(directory, 'a'), 'a');
    await expect(surveyDirectory(directory, AbortSignal.abort(new Error('cancelled')))).rejects.toThrow('cancelled');
  });
});
