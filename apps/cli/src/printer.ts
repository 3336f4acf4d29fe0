import { printable, type Terminal } from './terminal.js';
import { Progress } from './progress.js';

const CODES = { dim: 2, bold: 1, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof CODES;

/**
 * Output: JSON for programs, text for people. With JSON every line is one document, on stdout the results, on stderr what is
 * said beside them, `{"note": …}`, and at the end of what failed `{"error": …}` (error-text.ts).
 */
export class Printer {
  readonly progress: Progress;
  private readonly colours: boolean;
  private midLine = false;

  constructor(private readonly terminal: Terminal, readonly json: boolean) {
    this.colours = !json && wantsColours(terminal);
    this.progress = new Progress(terminal, json);
  }

  /** The result, as one line of JSON or as text. */
  result(value: unknown, text: () => string): void {
    this.line(this.json ? JSON.stringify(value) : text());
  }

  /** One document a line, in JSON mode only. */
  document(value: unknown): void {
    if (this.json) this.line(JSON.stringify(value));
  }

  line(text: string): void {
    this.progress.clear();
    this.endLine();
    this.terminal.stdout.write(`${text}\n`);
  }

  /** What comes next begins a line. */
  endLine(): void {
    if (this.midLine) this.terminal.stdout.write('\n');
    this.midLine = false;
  }

  /** Output of an agent as it came, which need not end a line. */
  raw(text: string): void {
    if (text === '') return;
    this.progress.clear();
    const safe = printable(text);
    this.terminal.stdout.write(safe);
    this.midLine = !safe.endsWith('\n');
  }

  /** Beside the result, never part of it. */
  note(text: string): void {
    this.progress.clear();
    this.terminal.stderr.write(this.json ? `${JSON.stringify({ note: text })}\n` : `${printable(text)}\n`);
  }

  style(style: Style, text: string): string {
    return this.colours ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
  }
}

/** Colours only on a terminal that did not refuse them (no-color.org); FORCE_COLOR asks for them elsewhere, too. */
export function wantsColours({ env, stdout }: Terminal): boolean {
  if (env['NO_COLOR']) return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  return stdout.isTTY === true && env['TERM'] !== 'dumb';
}
