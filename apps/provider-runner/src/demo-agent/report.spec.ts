import { describe, expect, it } from '@jest/globals';
import { counted, reportFileName, summarize } from './report.js';
import type { Survey } from './survey.js';
import { summarizeReached } from './what-reached-me.js';

const SURVEY: Survey = {
  source: 'git', notes: [], files: [{ path: 'a.ts', bytes: 1, lines: 1 }], filesNotLookedAt: 0, totalBytes: 1,
  languages: [{ language: 'TypeScript', files: 1, bytes: 1, lines: 1 }], todos: [], todoCount: 1, commits: ['one'], branch: 'main', charactersRead: 1,
};

describe('what the demo agent says', () => {
  it('counts in the singular and in the plural', () => {
    expect([0, 1, 2].map((count) => counted(count, 'file'))).toEqual(['0 files', '1 file', '2 files']);
    expect(summarize(SURVEY)).toBe('1 file, 1 byte (TypeScript 1), 1 TODO mark, 1 recent commit');
  });

  it('names what did not reach it, and nothing else', () => {
    const there = { what: 'environment LEVEL', value: 'five', missing: false };
    expect(summarizeReached([there])).toBe('Everything I was to be given reached me.');
    expect(summarizeReached([there, { what: 'secret KEY', value: 'missing', missing: true }])).toBe('Of what I was to be given, this did not reach me: secret KEY.');
  });

  it('makes no path of a session id that is none', () => {
    expect(() => reportFileName('../x')).toThrow('cannot be part of a file name');
  });
});
