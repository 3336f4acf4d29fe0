import { DETAIL_LINES_MAX } from './limits.js';
import { printable } from './terminal.js';

type Fields = Record<string, unknown>;
const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {});
const list = (value: unknown): Fields[] => (Array.isArray(value) ? value.map(fields) : []);

/** What an agent wants to do, as far as it says: the command, or the files with what changes in them. Indented lines, bounded. */
export function approvalDetails(toolCall: unknown): string[] {
  const { rawInput, content, locations } = fields(toolCall);
  const { command } = fields(rawInput);
  const words = typeof command === 'string' ? command : Array.isArray(command) ? command.join(' ') : '';
  const diffs = list(content).filter(({ type }) => type === 'diff');
  const lines = [
    ...words.split('\n').filter(Boolean).map((line) => `$ ${line}`),
    ...diffs.flatMap(({ path, oldText, newText }) => [String(path ?? ''), ...diffOf(String(oldText ?? ''), String(newText ?? ''))]),
    ...(diffs.length > 0 ? [] : list(locations).map(({ path }) => String(path ?? ''))),
  ].filter(Boolean);
  const more = lines.length - DETAIL_LINES_MAX;
  return [...lines.slice(0, DETAIL_LINES_MAX), ...(more > 0 ? [`… and ${more} more lines`] : [])].map((line) => `    ${printable(line)}`);
}

/** The lines that go and those that come; what is alike before and after them is left out. */
function diffOf(before: string, after: string): string[] {
  const old = before === '' ? [] : before.replace(/\n$/, '').split('\n');
  const now = after === '' ? [] : after.replace(/\n$/, '').split('\n');
  let start = 0;
  while (start < old.length && start < now.length && old[start] === now[start]) start += 1;
  let end = 0;
  while (end < old.length - start && end < now.length - start && old.at(-1 - end) === now.at(-1 - end)) end += 1;
  return [...old.slice(start, old.length - end).map((line) => `- ${line}`), ...now.slice(start, now.length - end).map((line) => `+ ${line}`)];
}
