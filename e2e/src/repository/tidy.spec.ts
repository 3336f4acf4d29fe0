import { describe, expect, it } from '@jest/globals';
import { read, trackedFiles } from './checkout.js';

/** A file that is longer wants to be two. */
const LINES_MAX = 300;
/** A spec may hold more examples. */
const SPEC_LINES_MAX = 450;
/** Longer for a reason that stands here. */
const LONG_FILES: Record<string, string> = {};
const BINARY = /\.(png|jpg|gif|ico|woff2?)$/;

const files = trackedFiles().filter((path) => !BINARY.test(path));
/** Generated ones are as long as what they are generated from. */
const sources = files.filter((path) => /\.(ts|mjs|js)$/.test(path) && !path.includes('/generated/'));

describe('the repository', () => {
  it(`has no source file longer than ${LINES_MAX} lines, no spec longer than ${SPEC_LINES_MAX}`, () => {
    const limit = (path: string): number => (path.endsWith('.spec.ts') ? SPEC_LINES_MAX : LINES_MAX);
    const long = sources.map((path) => ({ path, lines: read(path).split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > limit(path) && !(path in LONG_FILES));
    expect(long).toEqual([]);
  });

  it('names source files in kebab-case with a role suffix', () => {
    const odd = sources.map((path) => path.split('/').at(-1)!).filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9-]+)*\.(ts|mjs|js)$/.test(name));
    expect(odd).toEqual([]);
  });

  it('has no package registry and no proxy in its lock file but the public one', () => {
    const hosts = new Set([...read('package-lock.json').matchAll(/"resolved": "(https?:\/\/[^/"]+)/g)].map((match) => match[1]));
    expect([...hosts].filter((host) => host !== 'https://registry.npmjs.org')).toEqual([]);
  });

  it('names no directory of the machine it was written on', () => {
    const own = new RegExp(['/' + 'work/(main|shared)', '/' + 'root/\\.', '/' + 'tmp/om/', 'file:' + '///'].join('|'));
    const found = files.filter((path) => path !== 'package-lock.json')
      .flatMap((path) => read(path).split('\n').flatMap((line, n) => (own.test(line) ? [`${path}:${n + 1}: ${line.trim()}`] : [])));
    expect(found).toEqual([]);
  });

  it('leaves nothing unfinished in its sources', () => {
    const unfinished = new RegExp(`(TO${'DO'}|FIX${'ME'})[:(]|not ${'implemented'}`);
    const found = sources.filter((path) => !path.endsWith('.spec.ts'))
      .flatMap((path) => read(path).split('\n').flatMap((line, n) => (unfinished.test(line) ? [`${path}:${n + 1}`] : [])));
    expect(found).toEqual([]);
  });

  it('has no test that is skipped or runs alone', () => {
    const marked = new RegExp(`\\b(it|test|describe)\\.(${'on'}ly|${'sk'}ip)\\(|\\bx(it|describe)\\(`);
    expect(sources.filter((path) => path.endsWith('.spec.ts') && marked.test(read(path)))).toEqual([]);
  });

  it('turns Nx\'s daemon off in every npm script', () => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    expect(Object.entries(scripts).filter(([, script]) => !script.includes('NX_DAEMON=false'))).toEqual([]);
    for (const name of ['start', 'demo', 'test']) expect(scripts[name]).toContain('exec node');
  });
});
