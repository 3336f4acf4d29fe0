import { SECRET_BEGUN_CHARACTERS_MAX, WRAPPED_SECRET_LENGTH_MIN } from '../limits.js';
import { formsOf, KEY, KEY_BEGUN, PRIVATE_KEY, PRIVATE_KEY_BEGUN, PRIVATE_KEY_START, URL_PASSWORD } from './secret-forms.js';

const MASK = '[redacted]';
/** A terminal or an encoder breaks what is long, and may indent what goes on; a program that found something colours it. The last of it may not be whole yet. */
// eslint-disable-next-line no-control-regex -- an escape sequence begins with one
const BREAK = /\\?\r?\n[ \t]*|\u001B\[[0-9;]*[A-Za-z]|(?:\\?\r|\\|\u001B(?:\[[0-9;]*)?)$/g;
const mayBreak = (text: string): boolean => ['\n', '\r', '\u001B', '\\'].some((character) => text.includes(character));

/**
 * Takes secrets out of everything that leaves the runner (design §3), and of what an agent says by our command: the values of the run's own, in whatever form (`formsOf`), and what
 * has the form of a key, whoever's it is. It is there for accidents: nothing keeps an agent that means to from writing a secret in a way
 * of its own.
 */
export class Redactor {
  /** Longest first: one value may be the beginning of another. */
  private readonly forms: string[];
  private readonly wrappable: string[];
  private readonly token: { start: string; whole: RegExp; begun: RegExp } | undefined;
  /** Of a form; so much of a text's end may be the beginning of one. */
  private readonly longest: number;

  /** @param run whose token is known by its form too: of a dead agent nobody can say it any more */
  constructor(secrets: Iterable<string>, run?: { sessionId: string; epoch: number }) {
    if (run) {
      // Ids and numbers hold nothing that means something in a pattern.
      const start = `oma_${run.sessionId}_${run.epoch}_`;
      this.token = { start, whole: new RegExp(`${start}[\\w-]{1,43}`, 'g'), begun: new RegExp(`${start}[\\w-]{0,42}$`) };
    }
    this.forms = formsOf(secrets);
    this.wrappable = this.forms.filter((form) => form.length >= WRAPPED_SECRET_LENGTH_MIN && !form.includes('\n'));
    this.longest = Math.min(SECRET_BEGUN_CHARACTERS_MAX, this.forms.reduce((length, form) => Math.max(length, form.length), this.token ? this.token.start.length + 43 : 0));
  }

  /** @param known only the run's own secrets, and nothing for its form: for what is to go on as it was */
  text(text: string, { known = false } = {}): string {
    let clean = text;
    for (const form of this.forms) if (clean.includes(form)) clean = clean.replaceAll(form, MASK);
    if (this.token && clean.includes(this.token.start)) clean = clean.replace(this.token.whole, MASK);
    if (this.wrappable.length > 0 && mayBreak(clean)) clean = this.unwrapped(clean);
    return known ? clean : clean.replace(KEY, MASK).replace(PRIVATE_KEY, MASK).replace(URL_PASSWORD, MASK);
  }

  /** The same JSON value with every string in it cleaned, keys too. */
  deep<T>(value: T, options?: { known?: boolean }): T {
    return this.walk(value, options) as T;
  }

  /** The end of a text (not cleaned) that may be the beginning of a secret, whose rest has not come yet. Mostly empty. */
  begun(text: string): string {
    const end = this.longest === 0 ? '' : text.slice(-2 * this.longest);
    const token = this.token?.begun.exec(end)?.[0] ?? '';
    return [this.formBegun(end), token, keyBegun(text)].reduce((longest, one) => (one.length > longest.length ? one : longest));
  }

  private formBegun(end: string): string {
    const forms = this.token ? [...this.forms, this.token.start] : this.forms;
    const length = forms.reduce((longest, form) => Math.max(longest, overlap(end, form)), 0);
    if (!mayBreak(end)) return length === 0 ? '' : end.slice(-length);
    const { compact, at } = withoutBreaks(end);
    const wrapped = this.wrappable.reduce((longest, form) => Math.max(longest, overlap(compact, form)), 0);
    return end.slice(Math.min(end.length - length, wrapped === 0 ? end.length : at(compact.length - wrapped)));
  }

  /** Takes out what is broken over lines, or coloured in parts. */
  private unwrapped(text: string): string {
    const { compact, at } = withoutBreaks(text);
    const found = this.wrappable.flatMap((form) => placesOf(form, compact).map((from) => ({ from: at(from), to: at(from + form.length - 1) + 1 })));
    let clean = '';
    let done = 0;
    for (const { from, to } of found.sort((a, b) => a.from - b.from)) {
      if (from >= done) clean += text.slice(done, from) + MASK;
      done = Math.max(done, to);
    }
    return clean + text.slice(done);
  }

  private walk(value: unknown, options?: { known?: boolean }): unknown {
    if (typeof value === 'string') return this.text(value, options);
    if (Array.isArray(value)) return value.map((item) => this.walk(item, options));
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [this.text(key, options), this.walk(item, options)]));
  }
}

/** A key has no white space in it; a private key has lines. */
function keyBegun(text: string): string {
  const end = text.slice(-SECRET_BEGUN_CHARACTERS_MAX);
  const start = end.lastIndexOf(PRIVATE_KEY_START);
  if (start >= 0 && PRIVATE_KEY_BEGUN.test(end.slice(start))) return end.slice(start);
  return KEY_BEGUN.exec(end.slice(Math.max(end.lastIndexOf('\n'), end.lastIndexOf(' ')) + 1))?.[0] ?? '';
}

/** How many characters the text ends with that the form begins with, but not all of it. */
function overlap(text: string, form: string): number {
  for (let from = Math.max(0, text.length - form.length + 1); ; from += 1) {
    from = text.indexOf(form[0], from);
    if (from < 0) return 0;
    if (form.startsWith(text.slice(from))) return text.length - from;
  }
}

function placesOf(form: string, text: string): number[] {
  const places: number[] = [];
  for (let from = text.indexOf(form); from >= 0; from = text.indexOf(form, from + form.length)) places.push(from);
  return places;
}

/** @returns at: where a character of `compact` is in the text */
function withoutBreaks(text: string): { compact: string; at(index: number): number } {
  const breaks: { before: number; length: number }[] = [];
  let removed = 0;
  const compact = text.replace(BREAK, (found, offset: number) => {
    breaks.push({ before: offset - removed, length: found.length });
    removed += found.length;
    return '';
  });
  return { compact, at: (index) => breaks.reduce((place, { before, length }) => (before <= index ? place + length : place), index) };
}
