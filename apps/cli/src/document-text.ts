import type { Printer } from './printer.js';
import { printable, table } from './terminal.js';

/** What is to be seen of a thing; nothing is said of what is empty. */
export type Value = string | number | boolean | null | undefined | readonly string[];
export type Columns<T> = readonly (readonly [title: string, cell: (one: T) => Value])[];
export type Fields<T> = Columns<T>;

/** A list: with JSON one document a line, else a table. */
export function printTable<T>(printer: Printer, items: readonly T[], columns: Columns<T>, none: string): void {
  if (printer.json) {
    for (const item of items) printer.document(item);
    return;
  }
  if (items.length === 0) printer.line(none);
  else printer.line(tableOf(items, columns));
}

export function tableOf<T>(items: readonly T[], columns: Columns<T>): string {
  return table([columns.map(([title]) => title), ...items.map((item) => columns.map(([, cell]) => oneLine(textOfValue(cell(item)))))]);
}

/** One thing: with JSON the document, else a line a field; longer texts stand below their name. */
export function printFields<T>(printer: Printer, document: T, fields: Fields<T>): void {
  printer.result(document, () => fieldsText(printer, document, fields));
}

function fieldsText<T>(printer: Printer, document: T, fields: Fields<T>): string {
  const told = fields.map(([name, value]) => [name, textOfValue(value(document))] as const).filter(([, text]) => text !== '');
  const width = Math.max(...told.map(([name]) => name.length));
  return told.map(([name, text]) => {
    const label = printer.style('dim', name.padEnd(width));
    const safe = printable(text);
    return safe.includes('\n') ? `${label}\n${safe.replace(/^(?=.)/gm, '    ')}` : `${label}  ${safe}`;
  }).join('\n');
}

function textOfValue(value: Value): string {
  if (value === null || value === undefined || value === '') return '';
  if (Array.isArray(value)) return value.length > 1 && value.some((one: string) => one.length > SHORT_CHARS) ? value.map((one) => `- ${one}`).join('\n') : value.join(', ');
  return String(value);
}

/** A list of such short words stands on one line. */
const SHORT_CHARS = 32;

export function oneLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ').trim());
}

/** Labels as they are given on a command line. */
export function labelsText(labels: Readonly<Record<string, string>> | undefined): string[] {
  return Object.entries(labels ?? {}).map(([name, value]) => `${name}=${value}`);
}

/** A time as a person reads it, to the second, by their own clock. */
export function timeText(at: string | null | undefined): string {
  return at ? `${dayText(at)} ${clockText(at)}` : '';
}

export function dayText(at: string): string {
  const time = new Date(at);
  return [time.getFullYear(), time.getMonth() + 1, time.getDate()].map(twoDigits).join('-');
}

export function clockText(at: string): string {
  const time = new Date(at);
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map(twoDigits).join(':');
}

function twoDigits(n: number): string {
  return String(n).padStart(2, '0');
}
