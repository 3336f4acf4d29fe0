import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { ERROR_CODES } from '@orbitmesh/domain';
import { renderErrorCodes } from './error-codes.doc.js';

describe('docs/error-codes.md', () => {
  it('says what the table says; if this fails, run: node tools/gen.mjs', async () => {
    expect(await readFile(new URL('../../../../docs/error-codes.md', import.meta.url), 'utf8')).toBe(renderErrorCodes());
  });

  it('names every code with an HTTP status of its own', () => {
    const rows = renderErrorCodes().split('\n').filter((line) => /^\| \d{3} \| `[A-Z_]+`/.test(line));
    expect(rows.length).toBe(Object.keys(ERROR_CODES).length);
  });
});
