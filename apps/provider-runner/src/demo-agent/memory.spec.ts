import { describe, expect, it } from '@jest/globals';
import { CONVERSATION_BYTES_MAX, REMEMBERED_PATHS_MAX, REMEMBERED_TURNS_MAX } from './limits.js';
import { isConversation, Memory } from './memory.js';
import type { Survey } from './survey.js';

const surveyOf = (...paths: string[]): Survey => ({
  source: 'git', notes: [], files: paths.map((path) => ({ path, bytes: 1, lines: 1 })), filesNotLookedAt: 0, totalBytes: paths.length,
  languages: [], todos: [], todoCount: 0, commits: [], branch: 'main', charactersRead: 0,
});
const again = (memory: Memory): Memory => Memory.goOn(JSON.parse(JSON.stringify(memory.toStore('2025-01-01T00:00:00.000Z'))), '/repo');

describe('the memory of the demo agent', () => {
  it('tells what was asked and what came of it, in another process', () => {
    const memory = Memory.begin('demo-sess_1', '/repo');
    memory.begins({ sessionId: 'sess_1', about: 'Survey the repository\nand more', asked: 'the whole prompt' });
    memory.found(surveyOf('a.ts', 'b.ts'));
    memory.ends('I looked.', 'Wrote a report');
    memory.begins({ sessionId: 'sess_1', about: 'count', asked: 'count' });

    const later = again(memory);

    expect(later.recall()).toEqual([
      'I remember this conversation: 2 turns, the last one in the session sess_1.',
      '- "Survey the repository": Wrote a report',
      '- "count": broken off',
      'What I found then: 2 files, 2 bytes (none), 0 TODO marks, 0 recent commits.',
    ]);
    expect([...later.history()].map((update) => [update.sessionUpdate, 'content' in update && (update.content as { text: string }).text])).toEqual([
      ['user_message_chunk', 'the whole prompt'], ['agent_message_chunk', 'I looked.'], ['user_message_chunk', 'count'],
    ]);
    expect([memory.isContinued, later.isContinued]).toEqual([false, true]);
  });

  it('does not count the turn that runs as something to remember', () => {
    const memory = again(Memory.begin('demo-sess_1', '/repo'));
    memory.begins({ sessionId: 'sess_2', about: 'go on', asked: 'go on' });
    expect(memory.recall()).toEqual(['I remember this conversation; nothing was said in it yet.']);
  });

  it('compares with what it found before', () => {
    const memory = Memory.begin('demo-sess_1', '/repo');
    expect(memory.since(surveyOf('a'))).toBeUndefined();
    memory.found(surveyOf('a', 'b'));
    expect(memory.since(surveyOf('b', 'c', 'd'))).toBe('Since then: 2 new files (c, d), 1 gone (a).');
    expect(memory.since(surveyOf('a', 'b'))).toBe('Since then: 0 new files, 0 gone.');
    memory.found(surveyOf(...Array.from({ length: REMEMBERED_PATHS_MAX + 1 }, (_, n) => `f${n}`)));
    expect(memory.since(surveyOf('a'))).toBeUndefined();
  });

  it('forgets the oldest turns and cuts the longest texts, and its file stays within its bound', () => {
    const memory = Memory.begin('demo-sess_1', '/repo');
    const long = '\u0001'.repeat(100_000);
    for (let n = 1; n <= REMEMBERED_TURNS_MAX + 5; n += 1) {
      memory.begins({ sessionId: 'sess_1', about: `turn ${n}`, asked: long });
      memory.ends(long, long);
    }
    memory.found(surveyOf(...Array.from({ length: 900 }, (_, n) => `${'\u0001'.repeat(60)}${n}`)));

    expect(Buffer.byteLength(JSON.stringify(memory.toStore('t'), null, 2))).toBeLessThan(CONVERSATION_BYTES_MAX);
    expect(memory.turnCount).toBe(REMEMBERED_TURNS_MAX + 5);
    expect(memory.recall()[1]).toBe('- … 27 earlier turns');
  });

  it.each<[string, object]>([
    ['another id', { id: 'demo-sess_2' }], ['no turns', { turns: null }], ['a turn that is none', { turns: [null] }],
    ['a turn without words', { turns: [{ sessionId: 's', about: 'a', asked: 1, said: '', came: null }] }], ['a survey that is none', { survey: { paths: [] } }],
    ['a count that is none', { turnsForgotten: 'x' }],
  ])('takes no document with %s for its conversation', (_what, change) => {
    const whole = Memory.begin('demo-sess_1', '/repo').toStore('t');
    expect(isConversation(whole, 'demo-sess_1')).toBe(true);
    expect(isConversation({ ...whole, ...change }, 'demo-sess_1')).toBe(false);
  });
});
