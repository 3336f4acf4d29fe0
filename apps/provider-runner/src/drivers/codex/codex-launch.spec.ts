import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest, ProviderEntry } from '@orbitmesh/domain';
import { manifestOf, runContextOf } from '../testing/journaled-driver.js';
import { codexDriver } from './codex.driver.js';
import { tomlOf } from './codex-toml.js';

const ENTRY: ProviderEntry = { driver: 'codex', command: ['/bin/codex', '--profile', 'mine'] };

describe('how codex is started', () => {
  let stateDir: string;
  beforeEach(() => { stateDir = mkdtempSync(join(tmpdir(), 'om-codex-launch-')); });
  afterEach(() => rmSync(stateDir, { recursive: true }));

  const launch = (entry: Partial<ProviderEntry> = {}, manifest: Partial<Manifest> = {}, environment: Record<string, string> = {}) =>
    codexDriver.launch!({ ...runContextOf({ stateDir, entry: { ...ENTRY, ...entry }, manifest: manifestOf(manifest) }), environment });
  const config = () => readFileSync(join(stateDir, 'codex', 'config.toml'), 'utf8');

  it('has its own home with settings that fetch nothing and keep no key, for its owner alone', () => {
    const { command, environment } = launch();
    expect(command).toEqual(['/bin/codex', '--profile', 'mine', 'app-server']);
    expect(environment).toMatchObject({ CODEX_HOME: join(stateDir, 'codex'), NO_COLOR: '1' });
    expect(config()).toContain('cli_auth_credentials_store = "ephemeral"');
    expect(config()).toContain('[analytics]\nenabled = false\n');
    expect(config()).toContain('exclude = ["OPENAI_API_KEY", "CODEX_API_KEY"]');
    for (const file of ['config.toml', 'rules/orbitmesh.rules']) expect(statSync(join(stateDir, 'codex', file)).mode & 0o777).toBe(0o600);
  });

  it('replaces links that an agent left in place of its files, and does not write through them', () => {
    const elsewhere = join(stateDir, 'elsewhere');
    mkdirSync(elsewhere);
    symlinkSync(elsewhere, join(stateDir, 'codex'));
    launch();
    expect(readdirSync(elsewhere)).toEqual([]);
    writeFileSync(join(elsewhere, 'file'), 'mine');
    rmSync(join(stateDir, 'codex', 'config.toml'));
    symlinkSync(join(elsewhere, 'file'), join(stateDir, 'codex', 'config.toml'));
    launch();
    expect(readFileSync(join(elsewhere, 'file'), 'utf8')).toBe('mine');
    expect(config()).toContain('check_for_update_on_startup = false');
  });

  it('has a temporary directory of its own where its home is below the one of all', () => {
    expect(launch().environment).toMatchObject({ TMPDIR: join(stateDir, 'tmp') });
    expect(launch({}, {}, { TMPDIR: '/elsewhere' }).environment).not.toHaveProperty('TMPDIR');
  });

  it('lays the entry\'s settings over ours, and hides the keys they name from commands, but for those the session gives to them', () => {
    launch({ custom: { codex: { config: { analytics: { enabled: true }, model_providers: { mine: { base_url: 'http://x', env_key: 'MY_KEY' } } } } } }, { secrets: { OPENAI_API_KEY: 'env:X' } });
    expect(config()).toContain('[analytics]\nenabled = true\n');
    expect(config()).toContain('check_for_update_on_startup = false');
    expect(config()).toContain('[model_providers.mine]\nbase_url = "http://x"\nenv_key = "MY_KEY"\n');
    expect(config()).toContain('exclude = ["CODEX_API_KEY", "MY_KEY"]');
  });

  it('trusts no project, nor what is above it in its repository, unless it or the entry says so', () => {
    const workingDir = join(stateDir, 'repo', 'sub');
    mkdirSync(workingDir, { recursive: true });
    mkdirSync(join(stateDir, 'repo', '.git'));
    const start = (codex: object, manifest: Partial<Manifest> = {}) => codexDriver.launch!({ ...runContextOf({ stateDir, workingDir, entry: { ...ENTRY, custom: { codex } }, manifest: manifestOf(manifest) }), environment: {} });
    start({});
    for (const directory of [workingDir, join(stateDir, 'repo')]) expect(config()).toContain(`[projects.${JSON.stringify(directory)}]\ntrust_level = "untrusted"\n`);
    expect(config()).not.toContain(`[projects.${JSON.stringify(stateDir)}]`);
    for (const [codex, manifest] of [[{ trustProject: true }, {}], [{}, { trustRepository: true }]] as [object, Partial<Manifest>][]) {
      start(codex, manifest);
      expect(config()).toContain('trust_level = "trusted"');
    }
  });

  it('writes nothing where the user has a home of his own', () => {
    const { environment } = launch({ env: { CODEX_HOME: '/home/user/.codex' } });
    expect(environment).toEqual({ NO_COLOR: '1' });
    expect(config).toThrow('ENOENT');
  });

  it.each([
    [{ sandbox: 'none' }, 'custom.codex.sandbox'],
    [{ config: [] }, 'custom.codex.config'],
    [{ colour: 'blue' }, 'custom.codex.colour'],
    [{ config: { model_providers: { mine: { experimental_bearer_token: 'sk' } } } }, 'env_key'],
  ])('is refused with the entry %j', (codex, says) => {
    expect(() => codexDriver.check!({ ...ENTRY, custom: { codex } }, manifestOf())).toThrow(says);
  });

  it('is refused where the entry has both settings and a home of its own', () => {
    expect(() => codexDriver.check!({ ...ENTRY, env: { CODEX_HOME: '/x' }, custom: { codex: { config: { model: 'm' } } } }, manifestOf())).toThrow('CODEX_HOME of its own');
  });

  it('is not installed where its command is not there, which is said', async () => {
    expect(await codexDriver.detect({ ...ENTRY, command: ['/nowhere/codex'] })).toMatchObject({ installed: false, version: null, detail: expect.stringContaining('/nowhere/codex') });
  });
});

describe('settings as TOML', () => {
  it('keep strings, numbers, lists and tables, and leave out what is null', () => {
    expect(tomlOf({ a: 'x "y"\n\u007F', n: 1.5, off: false, none: null, list: [1, { b: 'c' }], 'odd key': { deep: { empty: {}, z: 1 } } })).toBe(
      'a = "x \\"y\\"\\n\\u007F"\nn = 1.5\noff = false\nlist = [1, { b = "c" }]\n["odd key".deep]\nz = 1\n["odd key".deep.empty]\n',
    );
  });
});
