import { describe, expect, it } from '@jest/globals';
import { approvalDetails } from './approval-text.js';
import { DETAIL_LINES_MAX } from './limits.js';

describe('what an agent wants to do', () => {
  it('is the command, however an agent says it', () => {
    expect(approvalDetails({ rawInput: { command: 'npm test\nnpm run lint' } })).toEqual(['    $ npm test', '    $ npm run lint']);
    expect(approvalDetails({ rawInput: { command: ['git', 'push'] } })).toEqual(['    $ git push']);
  });

  it('is the file with the lines that go and those that come', () => {
    const content = [{ type: 'diff', path: '/repo/index.js', oldText: 'a\nb\nc\n', newText: 'a\nB\nc\n' }];
    expect(approvalDetails({ content })).toEqual(['    /repo/index.js', '    - b', '    + B']);
    expect(approvalDetails({ content: [{ type: 'diff', path: '/new', oldText: null, newText: 'x\n' }] })).toEqual(['    /new', '    + x']);
  });

  it('is where, when nothing more is said, and nothing of what is no tool call', () => {
    expect(approvalDetails({ locations: [{ path: '/repo/a' }], content: [{ type: 'content' }] })).toEqual(['    /repo/a']);
    for (const odd of [undefined, null, 'x', [], { rawInput: 1, content: 'x', locations: {} }]) expect(approvalDetails(odd)).toEqual([]);
  });

  it('is bounded, and has nothing that moves a cursor', () => {
    const long = approvalDetails({ rawInput: { command: 'echo\n'.repeat(100) } });
    expect(long).toHaveLength(DETAIL_LINES_MAX + 1);
    expect(long.at(-1)).toBe(`    … and ${100 - DETAIL_LINES_MAX} more lines`);
    expect(approvalDetails({ rawInput: { command: 'rm\u001b[2K x' } })[0]).not.toContain('\u001b');
  });
});
