import { tmpdir } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { blocksOf } from './markdown.js';
import { Reader } from './reader.js';

const FIRST = 'sess_01M80RGPNV40RWAD7ZXYY6NVG9';
const SECOND = 'sess_01M8AQTVHS1Z574KZDB5EXC1F6';
const reader = (): Reader => new Reader({
  directory: tmpdir(), env: { PATH: process.env.PATH ?? '' }, substitutes: { '/home/me': '/root' },
  staying: [{ command: /^exec sleep/, says: /^/ }, { command: /^echo stays/, says: /stays/ }],
});

describe('who reads a page and does what it says', () => {
  it('puts in the ids that were shown last, and what it is on this machine', async () => {
    await expect(reader().follow([`echo ${FIRST}`, `echo ${SECOND}   # → sess_…`, `test sess_… = ${SECOND}`, 'test /home/me = /root'])).resolves.toBeUndefined();
  });

  it('takes the one before for a second one in a line, and none out of a list', async () => {
    await expect(reader().follow([`echo ${FIRST}`, `echo ${SECOND}`, `echo ${FIRST} ${SECOND}`, `test sess_… = ${SECOND} -a sess_… = ${FIRST}`])).resolves.toBeUndefined();
  });

  it('remembers a cursor, the last of a page', async () => {
    const cursor = (seq: number): string => `in_0123456789-1.${seq}`;
    await expect(reader().follow([`echo ${cursor(7)} ${cursor(8)}`, `test in_….1742 = ${cursor(8)}`])).resolves.toBeUndefined();
  });

  it('keeps the functions that a page has made', async () => {
    await expect(reader().follow(['shout() { echo "$@!"; }', '# a comment', '', 'shout a b | grep -q "a b!"'])).resolves.toBeUndefined();
  });

  it.each([
    ['fails', ['exit 3'], /exit 3\nended with 3/],
    ['is refused', ['echo \'{"type":"urn:orbitmesh:problem:conflict"}\''], /was refused/],
    ['shows no id, though it says that it does', ['echo nothing  # → proj_…'], /showed no proj_…/],
    ['names an id that nothing has shown', ['echo task_…'], /names a task_… that nothing has shown/],
  ])('stops at a line that %s', async (_what, lines, says) => {
    await expect(reader().follow(lines)).rejects.toThrow(says);
  });

  it('leaves what stays: by Ctrl-C where it would stay for ever, else when it ends by itself, and in order', async () => {
    const one = reader();
    await one.follow(['exec sleep 60', 'echo stays']);
    await expect(one.leave()).resolves.toBeUndefined();
    await one.follow(['echo stays; exit 1']);
    await expect(one.leave()).rejects.toThrow(/ended with 1/);
  });
});

describe('a page', () => {
  const PAGE = 'Say `orbitmesh status`.\n```sh\norbitmesh up\n```\n| a | `./orbitmesh mail send "…"` |\n```\ntext\n```\n';

  it('has blocks, by language and line', () => {
    expect(blocksOf('a.md', PAGE)).toEqual([{ page: 'a.md', line: 3, language: 'sh', lines: ['orbitmesh up'] }, { page: 'a.md', line: 7, language: '', lines: ['text'] }]);
    expect(() => blocksOf('a.md', '```sh\nnever closed')).toThrow(/not closed/);
  });
});
