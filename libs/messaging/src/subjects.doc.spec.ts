import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { renderSubjects } from './subjects.doc.js';

describe('docs/subjects.md', () => {
  it('says what the contracts say; if this fails, run: node tools/gen.mjs', async () => {
    expect(await readFile(new URL('../../../docs/subjects.md', import.meta.url), 'utf8')).toBe(renderSubjects());
  });
});
