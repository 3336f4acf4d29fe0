import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tempDir } from '../testing/temp-dir.js';
import { gitGuard } from './git-guard.js';

const HOOKS = ['pre-commit', 'commit-msg', 'post-commit', 'post-checkout', 'post-index-change', 'reference-transaction', 'pre-push', 'post-merge'];

/** A repository with every program that git would run by itself, each of which writes down that it ran. */
describe('git in a repository that nobody trusts', () => {
  let dir: ReturnType<typeof tempDir>;
  let repository: string;
  let variables: Record<string, string>;
  beforeEach(() => {
    dir = tempDir();
    repository = join(realpathSync(dir.path), 'repository');
    for (const name of ['repository', 'home']) mkdirSync(join(dir.path, name));
    variables = { PATH: process.env.PATH!, HOME: join(dir.path, 'home'), GIT_CONFIG_NOSYSTEM: '1' };
    git('init', '-q', '-b', 'main');
    git('config', 'user.name', 'Ada');
    git('config', 'user.email', 'ada@example.invalid');
    writeFileSync(join(repository, 'file.txt'), 'one\n');
    git('add', '.');
    git('commit', '-qm', 'one');
  });
  afterEach(() => dir.remove());

  const git = (...args: string[]) => execFileSync('git', args, { cwd: repository, env: variables, stdio: 'pipe', encoding: 'utf8' });
  const marker = (name: string): string => join(dir.path, `ran-${name}`);
  /** A shell command for a configuration value; arguments that git adds are passed over. */
  const evil = (name: string): string => `sh -c 'touch ${marker(name)}' --`;
  const plantHooks = (directory: string): void => {
    mkdirSync(directory, { recursive: true });
    for (const hook of HOOKS) {
      writeFileSync(join(directory, hook), `#!/bin/sh\ntouch ${marker(hook)}\n`);
      chmodSync(join(directory, hook), 0o755);
    }
  };
  const ran = (): string[] => [...HOOKS, 'fsmonitor', 'ssh', 'editor', 'pager', 'credential', 'gpg', 'ext'].filter((name) => existsSync(marker(name)));
  /** What an agent does every day. @returns what ran of the repository's own */
  const aDaysWork = (added: Record<string, string>): string[] => {
    const env = { ...variables, ...added };
    const run = (...args: string[]) => spawnSync('git', args, { cwd: repository, env, stdio: 'ignore', timeout: 20_000 });
    writeFileSync(join(repository, 'file.txt'), `${Math.random()}\n`);
    run('status', '--short');
    run('diff');
    run('-p', 'log', '-1');
    run('add', '-A');
    run('commit');
    run('commit', '-qm', 'two');
    run('checkout', '-q', '-b', 'topic');
    // As in CVE-2026-28292.
    run('fetch', `ext::touch ${marker('ext')}`);
    run('fetch', 'ssh://nowhere.invalid/x');
    spawnSync('git', ['credential', 'fill'], { cwd: repository, env: { ...env, GIT_TERMINAL_PROMPT: '0' }, input: 'protocol=https\nhost=example.invalid\n\n', timeout: 20_000 });
    return ran();
  };

  it('runs neither its hooks nor what its configuration names, as it does without', async () => {
    plantHooks(join(repository, '.git/hooks'));
    for (const [key, value] of [
      ['core.fsmonitor', evil('fsmonitor')], ['core.sshCommand', evil('ssh')], ['core.editor', evil('editor')], ['core.pager', evil('pager')], ['pager.log', evil('pager')],
      ['credential.helper', `!${evil('credential')}`], ['protocol.ext.allow', 'always'], ['gpg.program', evil('gpg')],
    ]) git('config', key, value);

    expect(aDaysWork(await gitGuard(repository, variables))).toEqual([]);

    git('checkout', '-q', 'main');
    git('branch', '-qD', 'topic');
    expect(aDaysWork({})).toEqual(expect.arrayContaining(['pre-commit', 'post-checkout', 'fsmonitor', 'ssh', 'editor', 'credential', 'ext']));
  });

  it('runs no hook from a directory that its configuration names, nor one of a repository inside of it', async () => {
    plantHooks(join(repository, 'planted'));
    git('config', 'core.hooksPath', 'planted');
    const nested = join(repository, 'nested');
    execFileSync('git', ['init', '-q', nested], { env: variables });
    plantHooks(join(nested, '.git/hooks'));
    execFileSync('git', ['-C', nested, 'config', 'core.fsmonitor', evil('fsmonitor')], { env: variables });
    const added = await gitGuard(repository, variables);
    for (const cwd of [nested, repository]) spawnSync('git', ['-c', 'user.name=A', '-c', 'user.email=a@example.invalid', 'commit', '--allow-empty', '-qm', 'x'], { cwd, env: { ...variables, ...added } });
    expect(ran()).toEqual([]);
  });

  it('is not begun with where something in its configuration cannot be kept from counting', async () => {
    const programs = [
      'filter.x.clean', 'filter.x.smudge', 'filter.x.process', 'diff.external', 'diff.x.command', 'diff.x.textconv', 'merge.x.driver', 'remote.origin.uploadpack', 'remote.origin.vcs',
      'credential.https://example.invalid.helper', 'core.alternateRefsCommand', 'trailer.sign.command', 'submodule.x.update', 'lfs.customtransfer.x.path', 'core.worktree',
      'gc.recentObjectsHook', 'hook.x.command', 'man.x.cmd', 'alias.st', 'filter..clean',
    ];
    const found = [];
    const before = readFileSync(join(repository, '.git/config'));
    for (const key of programs) {
      git('config', key, key === 'core.worktree' ? '/etc' : '!cat');
      found.push(await gitGuard(repository, variables).then(() => `${key} is let through`, ({ code, message }) => ({ code, says: /--trust-repository yes/.test(message) })));
      writeFileSync(join(repository, '.git/config'), before);
    }
    expect(found).toEqual(programs.map(() => ({ code: 'CONFIG_INVALID', says: true })));
  });

  it('is not begun with where a file that it includes says so, or cannot be read to its end', async () => {
    writeFileSync(join(repository, 'more'), '[filter "x"]\n\tclean = cat\n');
    git('config', 'include.path', '../more');
    await expect(gitGuard(repository, variables)).rejects.toMatchObject({ message: expect.stringContaining('filter.x.clean') });
    writeFileSync(join(repository, 'more'), '[a]\n\tb = 123456789\n'.repeat(70_000));
    await expect(gitGuard(repository, variables)).rejects.toMatchObject({ message: expect.stringContaining('too large') });
  });

  it.each([
    ['a program, though git says that it is somebody else\'s', 'diff.external', 'cat', { GIT_TEST_ASSUME_DIFFERENT_OWNER: '1' }],
    ['another configuration on another branch', 'includeIf.onbranch:topic.path', '/nowhere/more', {}],
    ['a configuration that a checkout may bring', 'include.path', '../.gitconfig', {}],
    ['a working tree that is a directory above it', 'core.worktree', '../..', {}],
    ['a path for what looks like another machine', 'url.../evil.git.pushInsteadOf', 'https://example.invalid/', {}],
  ])('is not begun with, from a directory in it, where it names %s', async (_what, key, value, more) => {
    mkdirSync(join(repository, 'a/b'), { recursive: true });
    git('config', key, value);
    await expect(gitGuard(join(repository, 'a/b'), { ...variables, ...more })).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('runs no hook of it at a push to itself, or to one that lies inside of it, by whatever name; and those of another one', async () => {
    const names = ['pre-receive', 'update', 'post-receive'];
    const bare = (path: string): string => {
      git('init', '-q', '--bare', path);
      return path;
    };
    for (const directory of ['.git', bare('.git/evil.git'), bare('../theirs.git')].map((path) => join(repository, path, 'hooks'))) {
      for (const name of names) writeFileSync(join(directory, name), `#!/bin/sh\ntouch ${marker(directory.includes('theirs') ? 'theirs' : name)}\n`, { mode: 0o755 });
    }
    for (const [key, value] of [
      ['remote.origin.url', './.git/evil.git'], ['remote.file.url', `file://${repository}/.git/evil.git`], ['remote.theirs.url', '../theirs.git'], ['branch.main.remote', '.'], ['remote.pushDefault', '.git/evil.git'],
    ]) git('config', key, value);
    const env = { ...variables, ...await gitGuard(repository, variables) };
    const pushed = [['origin', 'main:a'], ['file', 'main:b'], ['.', 'main:c'], ['.git/evil.git', 'main:d'], ['theirs', 'main']].map((to) => spawnSync('git', ['push', '-q', ...to], { cwd: repository, env }).status);
    expect([pushed, names.filter((name) => existsSync(marker(name))), existsSync(marker('theirs'))]).toEqual([[0, 0, 0, 0, 0], [], true]);
  });

  it("leaves in force what its user's own configuration names", async () => {
    const own = (...args: string[]) => execFileSync('git', ['config', '--global', ...args], { env: variables });
    plantHooks(join(dir.path, 'hooks'));
    own('core.hooksPath', join(dir.path, 'hooks'));
    own('core.sshCommand', evil('ssh'));
    own('credential.helper', `!${evil('credential')}`);
    own('filter.mine.clean', 'cat');
    git('config', 'filter.mine.clean', 'cat');
    git('config', 'core.sshCommand', 'false');
    git('config', 'credential.helper', '!false');
    expect(aDaysWork(await gitGuard(repository, variables))).toEqual(expect.arrayContaining(['pre-commit', 'ssh', 'credential']));
  });

  it("takes the user's hooks and file system monitor only from a directory that is not the repository's", async () => {
    for (const [key, value] of [['core.hooksPath', 'planted'], ['core.fsmonitor', 'planted/fsmonitor']]) execFileSync('git', ['config', '--global', key, value], { env: variables });
    plantHooks(join(repository, 'planted'));
    writeFileSync(join(repository, 'planted/fsmonitor'), `#!/bin/sh\ntouch ${marker('fsmonitor')}\n`, { mode: 0o755 });
    expect(aDaysWork(await gitGuard(repository, variables))).toEqual([]);
  });

  it('lets Git LFS work, a submodule, and a working tree of its own', async () => {
    for (const [key, value] of [['filter.lfs.clean', 'git-lfs clean -- %f'], ['filter.lfs.process', 'git-lfs filter-process'], ['submodule.x.update', 'rebase'], ['core.worktree', '..']]) git('config', key, value);
    await expect(gitGuard(repository, variables)).resolves.toMatchObject({ GIT_CONFIG_COUNT: '4' });
  });

  it('adds to what is configured by the environment already', async () => {
    const added = await gitGuard(repository, { ...variables, GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'user.name', GIT_CONFIG_VALUE_0: 'Bea' });
    expect(added).toMatchObject({ GIT_CONFIG_COUNT: '5', GIT_CONFIG_KEY_1: 'core.hooksPath', GIT_CONFIG_VALUE_4: 'explicit' });
    expect(added).not.toHaveProperty('GIT_CONFIG_KEY_0');
  });

  it('holds where there is no repository yet, and where there is no git', async () => {
    const empty = join(dir.path, 'empty');
    mkdirSync(empty);
    const fixed = ['core.hooksPath', 'core.fsmonitor', 'protocol.ext.allow', 'safe.bareRepository'];
    for (const PATH of [variables.PATH, empty]) {
      const added = await gitGuard(empty, { ...variables, PATH });
      expect([0, 1, 2, 3].map((n) => added[`GIT_CONFIG_KEY_${n}`])).toEqual(fixed);
    }
  });

  it('is not entered where it is a bare one that lies inside of another', async () => {
    const bare = join(repository, 'bare');
    execFileSync('git', ['init', '-q', '--bare', bare], { env: variables });
    plantHooks(join(bare, 'hooks'));
    const { status, stderr } = spawnSync('git', ['log'], { cwd: bare, env: { ...variables, ...await gitGuard(repository, variables) }, encoding: 'utf8' });
    expect([status, stderr]).toEqual([128, expect.stringContaining('safe.bareRepository')]);
  });
});
