import { describe, expect, it } from '@jest/globals';
import { read, trackedFiles } from './checkout.js';

interface Package { dependencies?: Record<string, string>; overrides?: Record<string, string> }
interface Locked extends Package { version?: string; integrity?: string; resolved?: string; link?: boolean; dev?: boolean; devOptional?: boolean; hasInstallScript?: boolean }

const KINDS = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies', 'overrides'] as const;
const EXACT = /^(npm:(@[\w.-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/;
/** Development tools that have one and work without; docs/security-dependencies.md says the same. */
const WITH_INSTALL_SCRIPT = ['@parcel/watcher', '@swc/core', 'esbuild', 'nx', 'unrs-resolver'];

const manifests = trackedFiles().filter((path) => /(^|\/)package\.json$/.test(path));
const lock = JSON.parse(read('package-lock.json')) as { lockfileVersion: number; packages: Record<string, Locked> };
const locked = Object.entries(lock.packages);
const foreign = locked.filter(([path, { link }]) => path.includes('node_modules/') && !link);
const nameOf = (path: string): string => path.split('node_modules/').at(-1)!;

describe('what we build on', () => {
  it('is named by exact versions, in every package', () => {
    const ranges = manifests.flatMap((path) => {
      const manifest = JSON.parse(read(path)) as Record<(typeof KINDS)[number], Record<string, string> | undefined>;
      return KINDS.flatMap((kind) => Object.entries(manifest[kind] ?? {}).filter(([name, version]) => !name.startsWith('@orbitmesh/') && !EXACT.test(version)).map(([name, version]) => `${path}: ${name} ${version}`));
    });
    expect(ranges).toEqual([]);
    expect(manifests.length).toBeGreaterThan(10);
  });

  it('has no package of ours that a registry could give', () => {
    const ours = locked.filter(([path]) => nameOf(path).startsWith('@orbitmesh/') && path.includes('node_modules/'));
    expect(ours.filter(([, { link }]) => !link)).toEqual([]);
    const named = new Set(locked.flatMap(([, one]) => Object.keys(one.dependencies ?? {})).filter((name) => name.startsWith('@orbitmesh/')));
    expect([...named].filter((name) => !ours.some(([path]) => nameOf(path) === name))).toEqual([]);
  });

  it('is locked with the SHA-512 of every package, from nowhere but a registry', () => {
    expect(lock.lockfileVersion).toBe(3);
    expect(foreign.filter(([, { integrity }]) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(integrity ?? '')).map(([path]) => path)).toEqual([]);
    expect(foreign.filter(([, { resolved }]) => resolved !== undefined && !resolved.startsWith('https://registry.npmjs.org/')).map(([path]) => path)).toEqual([]);
    expect(foreign.length).toBeGreaterThan(100);
  });

  it('runs no script when it is installed: off here, in the set-up, in the image, and none in production', () => {
    expect(read('.npmrc').split('\n')).toContain('ignore-scripts=true');
    const withScript = foreign.filter(([, { hasInstallScript }]) => hasInstallScript);
    expect([...new Set(withScript.map(([path]) => nameOf(path)))].sort()).toEqual(WITH_INSTALL_SCRIPT);
    expect(withScript.filter(([, { dev, devOptional }]) => !dev && !devOptional)).toEqual([]);
    for (const name of WITH_INSTALL_SCRIPT) expect(read('docs/security-dependencies.md')).toContain(`\`${name}\``);

    // Each place where npm is told to install something.
    const installs = trackedFiles().filter((path) => /\.(mjs|ts|js)$|Dockerfile$/.test(path) && !path.endsWith('.spec.ts'))
      .flatMap((path) => read(path).split('\n').filter((line) => /npm (ci|install) --|\[\s*'(ci|install)'\s*,/.test(line)).map((line) => `${path}: ${line.trim()}`));
    expect(installs.length).toBeGreaterThanOrEqual(4);
    expect(installs.filter((line) => !line.includes('--ignore-scripts') && !line.includes("'brew'"))).toEqual([]);
  });

  it('has its exceptions argued for the versions that are in use', () => {
    const argued = read('docs/security-dependencies.md');
    for (const name of ['fastify', '@nestjs/platform-fastify', 'ws', '@modelcontextprotocol/sdk']) {
      expect(argued).toContain(`| ${name} ${lock.packages[`node_modules/${name}`].version} |`);
    }
  });
});
