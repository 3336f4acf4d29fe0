import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { tempDir } from '../testing/temp-dir.js';
import { compressedPath, compressFile } from './compress-file.js';

const LINES = '{"type":"assistant","text":"the same again"}\n'.repeat(1_000);

describe('what a run has said, once it has ended', () => {
  let dir: ReturnType<typeof tempDir>;
  let path: string;
  beforeEach(() => {
    dir = tempDir();
    path = join(dir.path, 'out');
  });
  afterEach(() => dir.remove());

  it('is compressed in place, for its user alone, and is all there', async () => {
    writeFileSync(path, LINES);
    await compressFile(path);

    expect(readdirSync(dir.path)).toEqual(['out.gz']);
    expect(gunzipSync(readFileSync(compressedPath(path))).toString()).toBe(LINES);
    expect(statSync(compressedPath(path)).mode & 0o777).toBe(0o600);
    expect(statSync(compressedPath(path)).size).toBeLessThan(LINES.length / 10);
  });

  it('is left alone where it is short, no file, or not there', async () => {
    writeFileSync(path, 'a word\n');
    mkdirSync(join(dir.path, 'err'));
    for (const name of ['out', 'err', 'none']) await compressFile(join(dir.path, name));

    expect(readdirSync(dir.path).sort()).toEqual(['err', 'out']);
  });

  it('is compressed again after a runner that died between the two, with all that is there', async () => {
    writeFileSync(compressedPath(path), 'half of it');
    writeFileSync(path, LINES);
    await compressFile(path);

    expect(gunzipSync(readFileSync(compressedPath(path))).toString()).toBe(LINES);
    expect(existsSync(path)).toBe(false);
  });

  it('stays as it is while somebody writes it', async () => {
    writeFileSync(path, LINES);
    const compressing = compressFile(path);
    // The file is read from its beginning when this is there.
    appendFileSync(path, 'more\n');
    await compressing;

    const all = existsSync(path) ? readFileSync(path, 'utf8') : gunzipSync(readFileSync(compressedPath(path))).toString();
    expect(all).toBe(`${LINES}more\n`);
    expect(readdirSync(dir.path)).toHaveLength(1);
  });

  it('stays as it is where it cannot be compressed', async () => {
    const inside = join(dir.path, 'closed');
    mkdirSync(inside);
    writeFileSync(join(inside, 'out'), LINES);
    mkdirSync(join(inside, 'out.gz'));
    await expect(compressFile(join(inside, 'out'))).rejects.toThrow();

    expect(readdirSync(inside).sort()).toEqual(['out', 'out.gz']);
    expect(readFileSync(join(inside, 'out'), 'utf8')).toBe(LINES);
  });
});
