import { mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { programPath } from '../process/wrapper.js';
import { tempDir } from '../testing/temp-dir.js';
import { ConversationFiles } from './conversation-files.js';
import { CONVERSATION_BYTES_MAX } from './limits.js';
import { Memory } from './memory.js';

const ID = 'demo-sess_1';

describe('conversations on disk', () => {
  let dir: ReturnType<typeof tempDir>;
  let files: ConversationFiles;
  const file = (): string => join(dir.path, `${ID}.json`);
  beforeEach(async () => {
    dir = tempDir();
    files = ConversationFiles.in(dir.path)!;
  });
  afterEach(() => dir.remove());

  it('are read again as they were written, by their owner alone, and leave nothing else behind', async () => {
    const stored = Memory.begin(ID, '/repo').toStore('2025-01-01T00:00:00.000Z');
    await files.save({ ...stored, turnsForgotten: 1 });
    await files.save(stored);

    expect(await files.load(ID)).toEqual(stored);
    expect(readdirSync(dir.path)).toEqual([`${ID}.json`]);
    expect(statSync(file()).mode & 0o777).toBe(0o600);
  });

  it('are not kept without a place', () => {
    expect(ConversationFiles.in(undefined)).toBeNull();
    expect(ConversationFiles.in('')).toBeNull();
  });

  it.each<[string, () => void, RegExp]>([
    ['is not there', () => rmSync(file()), /not, or no longer, kept on this runner/],
    ['was cut off', () => writeFileSync(file(), readFileSync(file()).subarray(0, 20)), /damaged: its file is not JSON/],
    ['is empty', () => writeFileSync(file(), ''), /damaged: its file is not JSON/],
    ['is null', () => writeFileSync(file(), 'null'), /damaged/],
    ['is another one', () => writeFileSync(file(), readFileSync(file(), 'utf8').replace(ID, 'demo-sess_2')), /damaged: its file does not hold/],
    ['is of a later version', () => writeFileSync(file(), readFileSync(file(), 'utf8').replace('"schemaVersion": 1', '"schemaVersion": 2')), /later version/],
    ['is too large', () => truncateSync(file(), CONVERSATION_BYTES_MAX + 1), /larger than 4194304 bytes/],
    ['is a link', () => { writeFileSync(join(dir.path, 'x'), readFileSync(file())); rmSync(file()); symlinkSync(join(dir.path, 'x'), file()); }, /is a link, which is not followed/],
    ['is a directory', () => { rmSync(file()); mkdirSync(file()); }, /not in a regular file/],
    ['is a FIFO', () => { rmSync(file()); execFileSync(programPath('mkfifo', true), [file()]); }, /not in a regular file/],
  ])('are refused, saying what is wrong, where one %s', async (_what, change, message) => {
    await files.save(Memory.begin(ID, '/repo').toStore('t'));
    change();
    await expect(files.load(ID)).rejects.toThrow(message);
  });

  it.each(['../demo-sess_1', 'a/b', '', '.', 'a\0b', 'x'.repeat(101)])('have no path for the id %j', async (id) => {
    await expect(files.load(id)).rejects.toThrow('not the id of a conversation');
    await expect(files.save(Memory.begin(id, '/repo').toStore('t'))).rejects.toThrow('cannot be part of a file name');
  });
});
